"""What is said of a class that occurs nowhere in a split."""


def absent_class(split: str, name: str, images: int, void: float) -> str:
    """One line about a class; void is the share of pixels that count nowhere, in [0, 1].

    In a mask of 0 and 255, 255 is mostly a class, but void by default.
    """
    line = f"{split}: class {name!r} occurs in none of the {images:,} images"
    if not void:
        return line
    return (
        f"{line}, and {void:.1%} of their pixels are void; if masks hold the class as a "
        "value that is void, such as 255, write classes as a mapping: {NAME: VALUE}"
    )
