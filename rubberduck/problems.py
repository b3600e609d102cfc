"""What Flask and Werkzeug refuse by themselves, said in our words."""

from rubberduck.errors import (
    BrokenPicture,
    DuckError,
    NoSuchResult,
    NotAPicture,
    PictureTooLarge,
    Problem,
    TooOften,
    Unavailable,
    WrongParameter,
)

PROBLEMS = {
    problem.status: problem
    for problem in (
        Problem(
            WrongParameter.name(),
            400,
            "We could not understand that request",
            "Something in it is malformed.",
            "Go back and try again.",
        ),
        NoSuchResult().problem,
        Problem(
            "wrong-method",
            405,
            "That does not work here",
            "This address does not take that kind of request.",
            "Start again from the first page.",
        ),
        Problem(
            PictureTooLarge.name(),
            413,
            PictureTooLarge.happened,
            "The request is larger than we accept.",
            PictureTooLarge.next_step,
        ),
        Problem(
            NotAPicture.name(),
            415,
            NotAPicture.happened,
            "What arrived is of a kind we do not take.",
            NotAPicture.next_step,
        ),
        Problem(
            BrokenPicture.name(),
            422,
            BrokenPicture.happened,
            "What arrived could not be read.",
            BrokenPicture.next_step,
        ),
        TooOften(60).problem,
        Problem(
            "our-mistake",
            500,
            DuckError.happened,
            "It is our mistake, not yours; it has been written down.",
            "Please try again in a minute. If it happens again, tell us the request number.",
        ),
        Problem(
            Unavailable.name(),
            503,
            Unavailable.happened,
            "A part that we lean on does not answer.",
            Unavailable.next_step,
            60,
        ),
    )
}
