"""What the SAM CLI makes of a template, in the Python that has it: `sam local` says so only beside an engine."""

from __future__ import annotations

import json
import sys

from samcli.lib.providers.api_provider import ApiProvider
from samcli.lib.providers.sam_function_provider import SamFunctionProvider
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider


def main(template: str) -> None:
    stacks, _ = SamLocalStackProvider.get_stacks(template)
    routes = [[route.path, sorted(route.methods), route.function_name] for route in ApiProvider(stacks).api.routes]
    functions = {
        function.name: [layer.name for layer in function.layers] for function in SamFunctionProvider(stacks).get_all()
    }
    json.dump({"routes": sorted(routes), "functions": functions}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
