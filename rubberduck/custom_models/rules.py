"""The rules that Custom Labels holds a manifest to: code, what happens, what to do.

From the developer guide's pages about debugging a failed training and about its quotas. Codes that
start with ERROR_ or WARNING_ are the service's own; the others are ours, for what it has no code
for. Not here, since only the service can tell: its rights to read the bucket and to write to it.
"""

from dataclasses import dataclass
from typing import Literal

# What becomes of a line or box that breaks a rule.
Effect = Literal["the training fails", "an error", "silently dropped", "ignored", "advice"]
FAILS: Effect = "the training fails"
ERROR: Effect = "an error"
DROPPED: Effect = "silently dropped"
IGNORED: Effect = "ignored"
ADVICE: Effect = "advice"

MAX_BYTES = 1_000_000_000
MAX_LINES = 250_000
MAX_BAD_SHARE = 0.2
MAX_LABELS = 250
MIN_LABELS = {"boxes": 1, "labels": 2}
MAX_LABEL_LENGTH = 255
MAX_BOXES = 50
MIN_SIDE, MAX_SIDE = 64, 4096
MAX_ASPECT = 20
MAX_PICTURE_BYTES = 15_000_000
SHRUNK_SIDE = 1280
MIN_PICTURES_PER_LABEL = 10
MIN_OVERLAP = 0.5
MAX_TEST_PICTURES = 1_000  # of a label


@dataclass(frozen=True)
class Rule:
    """`also` is the service's code for the same in its other phase."""

    effect: Effect
    means: str
    advice: str
    also: str = ""


RULES = {
    # The file.
    "ERROR_EMPTY_MANIFEST": Rule(
        FAILS, "The manifest has no lines.", "Label some pictures, then export it again."
    ),
    "ERROR_MANIFEST_SIZE_TOO_LARGE": Rule(
        FAILS, "The manifest is larger than 1 GB.", "Leave pictures out."
    ),
    "ERROR_MANIFEST_ROWS_EXCEEDS_MAXIMUM": Rule(
        FAILS, "The manifest has more than 250,000 lines.", "Leave pictures out."
    ),
    "ERROR_MANIFEST_INACCESSIBLE_OR_UNSUPPORTED_FORMAT": Rule(
        FAILS,
        "The file name has no extension, or the file is no list of JSON lines.",
        "Name it .manifest, with one JSON object a line.",
    ),
    "ERROR_TOO_MANY_INVALID_ROWS_IN_MANIFEST": Rule(
        FAILS,
        "More than 20 % of the lines are wrong, all rules and blank lines added up.",
        "Correct or remove the lines listed here.",
        also="ERROR_TOO_MANY_RECORDS_IN_ERROR",
    ),
    "ERROR_MANIFEST_TOO_MANY_LABELS": Rule(
        FAILS, "There are more than 250 labels.", "Merge labels, or train several models."
    ),
    "ERROR_MANIFEST_TOO_FEW_LABELS": Rule(
        FAILS,
        "Labels of whole pictures must be at least two; of boxes, one.",
        "Draw boxes; or, of whole pictures, add some of another label, such as the background.",
    ),
    "ERROR_MANIFEST_TOO_FEW_USABLE_LABELS": Rule(
        FAILS,
        "Without the wrong lines too few labels are left, of the kind that the service chose.",
        "Correct the lines listed here.",
    ),
    "ERROR_IMAGES_IN_MULTIPLE_S3_BUCKETS": Rule(
        FAILS, "The pictures are in several buckets.", "Copy all of them to one bucket."
    ),
    "ERROR_INSUFFICIENT_IMAGES_PER_LABEL_FOR_AUTOSPLIT": Rule(
        FAILS,
        "A label has too few pictures to put 20 % aside for the test.",
        "Add pictures, or make a test set of your own (`flask dataset split`).",
        also="ERROR_INSUFFICIENT_IMAGES_PER_LABEL_FOR_DISTRIBUTE",
    ),
    "ERROR_INSUFFICIENT_LABEL_OVERLAP": Rule(
        FAILS,
        "Fewer than half of the training labels are in the test set too.",
        "Split the set again, stratified by label (`flask dataset split`).",
    ),
    "ERROR_INSUFFICIENT_USABLE_LABEL_OVERLAP": Rule(
        FAILS,
        "Without the wrong lines, fewer than half of the training labels are in the test set.",
        "Correct the lines listed here.",
    ),
    # Lines that vanish: the service counts them and names them nowhere.
    "ERROR_MISSING_SOURCE_REF": Rule(
        DROPPED, "The line does not name a picture.", "Add source-ref, or remove the line."
    ),
    "ERROR_INVALID_SOURCE_REF_FORMAT": Rule(
        DROPPED, "source-ref is not s3://bucket/key.", "Upload the picture and give its address."
    ),
    "ERROR_INVALID_JSON_LINE": Rule(
        DROPPED, "The line is not a JSON object.", "Correct or remove it."
    ),
    "DUPLICATE_SOURCE_REF": Rule(
        DROPPED, "An earlier line has the same picture.", "Merge the two lines."
    ),
    "LINE_TOO_LONG": Rule(
        DROPPED, "The line is longer than 100,000 characters.", "Leave boxes or class names out."
    ),
    # Lines and boxes that are wrong.
    "ERROR_NO_LABEL_ATTRIBUTES": Rule(
        ERROR,
        "No attribute has both a value and its -metadata.",
        "Write them in pairs: duck and duck-metadata.",
    ),
    "ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT": Rule(
        ERROR, "The value of an attribute is not as it has to be.", "Correct what is named."
    ),
    "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT": Rule(
        ERROR, "The -metadata of an attribute is not as it has to be.", "Correct what is named."
    ),
    "ERROR_NO_VALID_LABEL_ATTRIBUTES": Rule(
        ERROR, "No attribute of the line can be used.", "Correct at least one of them."
    ),
    "ERROR_UNSUPPORTED_USE_CASE_TYPE": Rule(
        ERROR,
        "The type is neither groundtruth/object-detection nor groundtruth/image-classification.",
        "Convert the file (`flask dataset convert`).",
    ),
    "ERROR_MISSING_BOUNDING_BOX_CONFIDENCE": Rule(
        ERROR, "`objects` is shorter than `annotations`.", 'Add {"confidence": 1} for each box.'
    ),
    "ERROR_MISSING_CLASS_MAP_ID": Rule(
        ERROR, "A class_id is not in class-map.", "Add the label under this number, as a text."
    ),
    "ERROR_INVALID_BOUNDING_BOX": Rule(
        ERROR, "A box reaches out of the picture, or has no area.", "Clip it to the picture."
    ),
    "ERROR_BOUNDING_BOX_TOO_SMALL": Rule(
        ERROR,
        "A box is not larger than 1 x 1 pixel once the picture is shrunk to 1,280 pixels.",
        "Remove the box, or crop the picture.",
    ),
    "ERROR_TOO_MANY_BOUNDING_BOXES": Rule(
        ERROR, "The picture has more than 50 boxes.", "Crop it into several pictures."
    ),
    "TOO_MANY_LABELS_OF_A_PICTURE": Rule(
        ERROR, "The picture has more than 50 labels.", "Leave some out."
    ),
    "ERROR_NO_VALID_ANNOTATIONS": Rule(
        ERROR, "No box of the line can be used.", "Correct at least one box."
    ),
    "ERROR_INVALID_IMAGE": Rule(
        ERROR, "The picture is no PNG or JPEG, or larger than 15 MB.", "Save it again as a JPEG."
    ),
    "ERROR_INVALID_IMAGE_DIMENSION": Rule(
        ERROR,
        "The sides must be 64 to 4,096 pixels, and the longer less than 20 times the shorter.",
        "Resize or crop the picture.",
    ),
    "ERROR_INVALID_LABEL_NAME_LENGTH": Rule(
        ERROR, "A label must have 1 to 255 characters.", "Rename the label."
    ),
    # What is valid and does nothing.
    "WARNING_UNANNOTATED_RECORD": Rule(
        IGNORED, "The picture is not labelled yet.", "Label it, or leave it out."
    ),
    "WARNING_NO_ANNOTATIONS": Rule(
        IGNORED,
        "The picture has no boxes; the service does not learn from empty pictures.",
        "Draw boxes of another label around what is mistaken for yours.",
    ),
    "WARNING_NO_ATTRIBUTE_ANNOTATIONS": Rule(
        IGNORED, "One attribute of the line has no boxes.", "Nothing, if another one has."
    ),
    "OTHER_KIND_OF_LABELS": Rule(
        IGNORED,
        "The service trains on boxes or on labels of whole pictures, and chose the others.",
        "Use two projects, one for each kind.",
    ),
    "FEW_PICTURES": Rule(
        ADVICE, "A label has fewer than 10 pictures.", "Add pictures: figures mean little below 10."
    ),
    "TOO_MANY_TEST_PICTURES": Rule(
        FAILS, "A label has more than 1,000 pictures in the test set.", "Leave some out."
    ),
    "IMAGE_SIZE_DIFFERS": Rule(
        ADVICE,
        "image_size is not that of the upright picture, so boxes are in the wrong place.",
        "Convert the set again with --pictures; check whether photos were turned by Exif.",
    ),
    "PICTURE_NOT_FOUND": Rule(
        ADVICE, "The picture file is not in the folder, so was not checked.", "Check --pictures."
    ),
}
