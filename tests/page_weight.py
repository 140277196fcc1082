"""What an HTML page weighs, by part.

python -m tests.page_weight FILE
"""

import argparse
import re
from pathlib import Path

PARTS = {  # each is cut out before the next is looked for
    "pictures": r"data:image/svg\+xml;base64,[^\"]*",
    "data of tables and charts": r'<script type="application/json">.*?</script>',
    "scripts": r'<script type="module">.*?</script>',
    "styles": r"<style>.*?</style>",
    "rows of tables": r"<tbody>.*?</tbody>",
}


def weights(page: str) -> dict[str, int]:
    """Bytes of each part; text is what remains."""
    found: dict[str, int] = {}
    for name, pattern in PARTS.items():
        pieces = re.findall(pattern, page, re.DOTALL)
        found[name] = sum(len(piece.encode()) for piece in pieces)
        page = re.sub(pattern, "", page, flags=re.DOTALL)
    return found | {"text": len(page.encode())}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    found = weights(parser.parse_args().file.read_text(encoding="utf-8"))
    for name, size in (found | {"all": sum(found.values())}).items():
        print(f"{name:26}{size:12,} bytes")  # noqa: T201
