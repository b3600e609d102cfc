"""Others' scripts that the site serves: the published files, with their licences."""

import hashlib

from deploy import bundle
from rubberduck.core.settings import ROOT


def test_annotorious_is_the_published_file_with_its_licence() -> None:
    """`npm pack @annotorious/annotorious@3.8.10`: dist/; the licence is that of its repository."""
    folder = "static/vendor/annotorious"
    published = {
        "annotorious.js": "21fe8846ed69296d7dae41db9ad5b6931d8cbb69eed93b003dbe816a8b123b42",
        "annotorious.css": "6fa6a0f184e21f7d29d5d5390db21d54d9b77201301fd4c5e1e961ae8c7eb27f",
    }
    for name, sha256 in published.items():
        assert hashlib.sha256((ROOT / folder / name).read_bytes()).hexdigest() == sha256
    licence = (ROOT / folder / "LICENSE").read_text()
    assert "BSD 3-Clause License" in licence
    # It contains parts of these, whose licences ask to be repeated.
    for part in ("svelte", "rbush", "quickselect", "simplify-js", "dequal", "uuid"):
        assert f"==== {part} ====" in licence
    assert {f"{folder}/{name}" for name in (*published, "LICENSE")} <= set(
        bundle.contents(single=False)
    )


def test_tus_is_the_published_file_with_its_licence() -> None:
    """`npm pack tus-js-client@4.3.1`: dist/tus.min.js."""
    folder = "static/vendor/tus"
    published = "8cbb1b63fccc3bba0ae73ad1deb160ce046c3750851d0c3e94921ae3ef070eb8"
    assert hashlib.sha256((ROOT / folder / "tus.js").read_bytes()).hexdigest() == published
    licence = (ROOT / folder / "LICENSE").read_text()
    assert "MIT" in licence
    for part in ("base64-js", "buffer", "ieee754", "js-base64", "querystringify", "url-parse"):
        assert f"==== {part} ====" in licence
    assert {f"{folder}/tus.js", f"{folder}/LICENSE"} <= set(bundle.contents(single=False))
