"""The image of Lambda's Python in which `sam local` runs functions."""

from __future__ import annotations

from contextlib import suppress

from tests.sam_local.commands import DockerError, docker
from tests.sam_local.stand_ins import NoStandInError, make_stand_in

__all__ = ["NoImageError", "base_image"]

_LAMBDA = "public.ecr.aws/lambda/python:3.13-{architecture}"
# Under its own name, so that it is not confused with AWS's.
_STAND_IN = "eventstore/lambda-python:3.13-{architecture}"
_PULLED_WITHIN = 600


class NoImageError(Exception):
    """AWS's image is not available, and no stand-in can be made; the message says why."""


def base_image(architecture: str, platform: str) -> str:
    """The name of an available image: AWS's, or a stand-in made on this machine if no registry answers.

    A local image of AWS is used without checking for a newer one.

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
