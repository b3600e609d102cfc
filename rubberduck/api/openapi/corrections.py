"""The operations on corrections as OpenAPI describes them."""

from rubberduck.api.openapi.builders import JsonObject, json_body, problem_responses, response
from rubberduck.api.openapi.operations import CHANGE_ERRORS, RESULT_ID
from rubberduck.core import errors


def corrections(label: str) -> JsonObject:
    """Return the operations by path; `label` names the box of the example."""
    box = {"left": 0.31, "top": 0.22, "width": 0.36, "height": 0.41, "label": label}
    example = {"boxes": [box], "consent": True}
    return {
        "/results/{id}/corrections": {
            "parameters": [RESULT_ID],
            "get": {
                "operationId": "get_corrections",
                "summary": "Read your correction",
                "description": "Only for your own results. 404 if there is no correction.",
                "responses": {
                    "200": response("The correction.", "CorrectionBody"),
                    **problem_responses(errors.NoSuchResult, errors.Unavailable),
                },
            },
            "put": {
                "operationId": "put_corrections",
                "summary": "Correct the boxes",
                "description": "Say where the objects in your own picture really are. Stored with "
                "the result and deleted with it; replaces an earlier correction. Used for "
                "training only with “consent”.",
                "requestBody": json_body("CorrectionRequestBody", example),
                "responses": {
                    "200": response("The correction as stored.", "CorrectionBody"),
                    **problem_responses(
                        *CHANGE_ERRORS, errors.InvalidParameter, errors.PictureTooLarge
                    ),
                },
            },
            "delete": {
                "operationId": "delete_corrections",
                "summary": "Withdraw your correction",
                "description": "Only for your own results. The consent to training ends with it.",
                "responses": {
                    "204": response("There is no correction any more."),
                    **problem_responses(*CHANGE_ERRORS),
                },
            },
        }
    }
