"""The operations on the labels of projects' pictures as OpenAPI describes them."""

from rubberduck.api.labelling import (
    HintRequestBody,
    HistoryBody,
    LabellersBody,
    LabelsConflictBody,
    LabelsRequestBody,
    LeaseBody,
    NextBody,
    NextRequestBody,
    SuggestionsBody,
    TaskBody,
)
from rubberduck.api.openapi.builders import JsonObject, json_body, response
from rubberduck.api.openapi.project_builders import PICTURE_ID, PROJECT_ID, project_operation
from rubberduck.core import errors
from rubberduck.custom_models.errors import InvalidAnnotation, PictureChanged
from rubberduck.web.errors import NotAllowed
from rubberduck.web.problem_details import PROBLEM

BODIES = (
    TaskBody,
    NextRequestBody,
    NextBody,
    HintRequestBody,
    LabelsRequestBody,
    LabelsConflictBody,
    LeaseBody,
    HistoryBody,
    SuggestionsBody,
    LabellersBody,
)


def labelling() -> JsonObject:
    """Return the operations by path."""
    picture = "/projects/{id}/pictures/{picture_id}"
    box = {"left": 120, "top": 45, "width": 300, "height": 200, "crowd": False}
    example = {"revision": 0, "boxes": [{"label": "Zr8W1mHqTz2v5mJY", **box}], "labels": []}
    saved = project_operation(
        "put_picture_labels",
        "Save what a picture shows",
        "Boxes are pixels of the upright picture. Without boxes and labels the picture shows "
        "nothing that the project looks for. “revision” is the one that you saw: if somebody "
        "saved the picture since, the response is 409, with what they saved, and nothing is "
        "changed. Every saved version is kept in the history.",
        {"200": response("It is saved; how far the project is.", "LabellingProgressBody")},
        errors.InvalidParameter,
        errors.PictureTooLarge,
        InvalidAnnotation,
        requestBody=json_body("LabelsRequestBody", example),
    )
    changed = PictureChanged.title
    saved["responses"]["409"] = response(changed, "LabelsConflictBody", media_type=PROBLEM)
    next_task = project_operation(
        "next_labelling_task",
        "Get the next picture to label",
        "Nobody else gets it for five minutes. Without labels first, and of those the ones that "
        "the newest model is least certain of. Until you save or skip it you get the same again.",
        {"200": response("The picture, or null if none is left for you.", "NextBody")},
        errors.InvalidParameter,
        errors.PictureTooLarge,
        requestBody=json_body("NextRequestBody", {"skip": []}) | {"required": False},
    )
    return {
        "/projects/{id}/labelling/next": {"parameters": [PROJECT_ID], "post": next_task},
        f"{picture}/labels": {
            "parameters": [PROJECT_ID, PICTURE_ID],
            "get": project_operation(
                "get_picture_labels",
                "Read what a picture shows",
                "Its size, boxes and labels, and who has it at the moment.",
                {"200": response("The picture.", "TaskBody")},
            ),
            "put": saved,
        },
        f"{picture}/labels/open": {
            "parameters": [PROJECT_ID, PICTURE_ID],
            "post": project_operation(
                "open_picture_labels",
                "Take one picture to label",
                "As reading it, and nobody else gets it as the next one for five minutes.",
                {"200": response("The picture.", "TaskBody")},
            ),
        },
        f"{picture}/labels/hint": {
            "parameters": [PROJECT_ID, PICTURE_ID],
            "put": project_operation(
                "put_picture_hint",
                "Say what a picture shows, without its boxes",
                "In a project of boxes, of a picture that is not labelled: whoever draws the boxes "
                "sees it. The picture stays to be labelled; the caller's lease ends.",
                {"204": response("It is noted.")},
                *(errors.InvalidParameter, errors.PictureTooLarge),
                *(InvalidAnnotation, PictureChanged),
                requestBody=json_body("HintRequestBody", {"labels": ["Zr8W1mHqTz2v5mJY"]}),
            ),
        },
        f"{picture}/labels/history": {
            "parameters": [PROJECT_ID, PICTURE_ID],
            "get": project_operation(
                "get_picture_history",
                "List who labelled a picture",
                "Every version that was saved, the newest first.",
                {"200": response("The versions.", "HistoryBody")},
            ),
        },
        f"{picture}/suggestions": {
            "parameters": [PROJECT_ID, PICTURE_ID],
            "get": project_operation(
                "get_picture_suggestions",
                "Let a video, a visitor or the newest model suggest labels",
                "What came with the picture: what was seen in the video that it is a frame of, or "
                "boxes of its visitor. Or else boxes and labels at the thresholds of the newest "
                "embedded version. Nothing is saved: send back what is right. Empty before the "
                "first training.",
                {"200": response("The suggestions.", "SuggestionsBody")},
            ),
        },
        f"{picture}/lease": {
            "parameters": [PROJECT_ID, PICTURE_ID],
            "post": project_operation(
                "renew_picture_lease",
                "Keep a picture for five more minutes",
                "Also takes it again if it was free meanwhile. Saving does not need it.",
                {"200": response("Who has the picture.", "LeaseBody")},
            ),
        },
        f"{picture}/truth": {
            "parameters": [PROJECT_ID, PICTURE_ID],
            "put": project_operation(
                "put_picture_truth",
                "Rate labellers by a picture",
                "For operators. Labellers get the picture now and then as if it were unlabelled; "
                "their answers change nothing and are compared with its labels.",
                {"204": response("They are rated by it.")},
                NotAllowed,
                InvalidAnnotation,
            ),
            "delete": project_operation(
                "delete_picture_truth",
                "Rate nobody by a picture any more",
                "For operators. Earlier ratings stay.",
                {"204": response("Nobody is rated by it.")},
                NotAllowed,
            ),
        },
        "/projects/{id}/labellers": {
            "parameters": [PROJECT_ID],
            "get": project_operation(
                "list_labellers",
                "List who labels how well",
                "For operators. Agreement is the mean F1 with the truth pictures, 0 to 1.",
                {"200": response("The people, by name.", "LabellersBody")},
                NotAllowed,
            ),
        },
    }
