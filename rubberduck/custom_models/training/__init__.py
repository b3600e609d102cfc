"""Train small heads on the trunk of the embedded detector, with numpy.

May import what custom_models may. Pure: pictures in, a model file out; no database, no storage.
"""

from rubberduck.custom_models.training.pictures import TrainingPicture
from rubberduck.custom_models.training.trainer import TrainedModel, train

__all__ = ["TrainedModel", "TrainingPicture", "train"]
