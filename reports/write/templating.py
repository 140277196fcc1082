"""The templates of a page in HTML, which escape what they insert."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ablations.errors import visible

LOADER = PackageLoader("reports.write")  # its folder of templates


@cache
def environment() -> Environment:
    made = Environment(
        loader=LOADER,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    made.filters |= {"visible": visible, "sentence": sentence}
    return made


def filled(name: str, values: dict[str, object]) -> str:
    """A template with these values."""
    return environment().get_template(name).render(values)


def macro(name: str, *arguments: object) -> Markup:
    """A part as its macro in parts.html lays it out."""
    made = getattr(environment().get_template("parts.html").module, name)(*arguments)
    return Markup(made)  # noqa: S704, the macro has escaped it


@cache
def source(name: str) -> str:
    """A style sheet or script as it is written."""
    return LOADER.get_source(environment(), name)[0]


def sentence(text: str) -> str:
    """With a capital, unless the first word has its own, such as mIoU."""
    word = text.partition(" ")[0]
    return text[:1].upper() + text[1:] if word == word.lower() else text
