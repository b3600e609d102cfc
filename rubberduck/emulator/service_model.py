"""botocore's model of the service: which operations there are, and what they take and answer."""

from functools import cache
from typing import cast

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape, StringShape, StructureShape

TARGET_PREFIX = "RekognitionService."


@cache
def service_model() -> ServiceModel:
    return ServiceModel(Loader().load_service_model("rekognition", "service-2"), "rekognition")


@cache
def operation_model(name: str) -> OperationModel | None:
    """Return the operation; None if the service has no such one."""
    model = service_model()
    return model.operation_model(name) if name in model.operation_names else None


def input_shape(name: str) -> StructureShape | None:
    operation = operation_model(name)
    return operation.input_shape if operation else None


def output_shape(name: str) -> Shape | None:
    operation = operation_model(name)
    return operation.output_shape if operation else None


@cache
def version_states() -> tuple[str, ...]:
    """Return the states of a model's version that the service knows: 14."""
    return tuple(cast(StringShape, service_model().shape_for("ProjectVersionStatus")).enum)
