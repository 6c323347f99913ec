"""What the makers of CycloneDX and SPDX have to say against documents: validate-sbom.py FILE...

One line for each document that is not valid, and one for each package URL that is none. What ends in `.cdx.json` is CycloneDX; the
rest is SPDX. The packages that it needs come with `make test-packages`.
"""
import json, sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

def purls(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("purl", "referenceLocator"):
                yield inner
            else:
                yield from purls(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from purls(inner)

# The library leaves slashes in values, and lowers the digits of escapes in some types.
def plain(purl):
    return purl.lower().replace("%2f", "").replace("/", "")

for path in sys.argv[1:]:
    text = open(path, encoding="utf-8").read()
    if path.endswith(".cdx.json"):
        problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
        if problem is not None:
            print(path, "CycloneDX:", str(problem)[:600])
    else:
        try:
            for problem in validate_full_spdx_document(parse_file(path)):
                print(path, "SPDX:", problem.validation_message, problem.context.spdx_id)
        except Exception as error:
            print(path, "SPDX:", repr(error)[:600])
    for purl in purls(json.loads(text)):
        try:
            again = PackageURL.from_string(purl).to_string()
            if plain(again) != plain(purl):
                print(path, "package URL:", purl, again)
        except ValueError as error:
            print(path, "package URL:", purl, error)
