"""The image of Lambda's Python in which `sam local` runs functions."""

from __future__ import annotations

from contextlib import suppress

from tests.sam_local.commands import DockerError, docker
from tests.sam_local.stand_ins import NoStandInError, make_stand_in

__all__ = ["NoImageError", "base_image"]

_LAMBDA = "public.ecr.aws/lambda/python:3.13-{architecture}"
# Under a name of its own, so nobody takes it for AWS's.
_STAND_IN = "eventstore/lambda-python:3.13-{architecture}"
_PULLED_WITHIN = 600


class NoImageError(Exception):
    """AWS's image is not here and cannot be pulled, and none can be made in its place; the message says why."""


def base_image(architecture: str, platform: str) -> str:
    """The name of an image that the engine has: AWS's, or, where no registry answers, one that is made of this machine.

    An image of AWS's that is here is used as it is; nobody is asked whether there is a newer one.

    Args:
        architecture: Of the containers, as Lambda names it.
        platform: Of wheels for them, as pip names it.

    Raises:
        NoImageError: There is none.
    """
    image = _LAMBDA.format(architecture=architecture)
    with suppress(DockerError):
        docker("image", "inspect", "--format", "{{.Id}}", image)
        return image
    try:
        docker("pull", "--quiet", image, seconds=_PULLED_WITHIN)
    except DockerError as error:
        stand_in = _STAND_IN.format(architecture=architecture)
        try:
            make_stand_in(stand_in, architecture=architecture, platform=platform)
        except NoStandInError as reason:
            raise NoImageError(f"{error}; and no image can be made in its place: {reason}") from None
        return stand_in
    return image
