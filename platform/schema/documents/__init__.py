"""Documents by name: a client sends the hash of a document in place of its text.

- `manifest.py`: the trusted documents of `KAMENG_TRUSTED_DOCUMENTS`, validated at the start.
- `persisted.py`: automatic persisted queries, as Apollo's clients do them: text and hash once,
  the hash alone from then on; a bounded memory of this process, and only a saving of bytes.
- `library.py`: from what a request says to the text that is executed, or the refusal.

    library = DocumentLibrary.of(settings(), schema=schema)
    asked = library.asked({"documentId": "sha256:…", "variables": {"first": 24}})
    result = await schema.execute(asked.text, variable_values=asked.variables, …)
"""

from schema.documents.library import AskedDocument, DocumentLibrary
from schema.documents.manifest import ManifestBroken, TrustedDocuments
from schema.documents.refusals import DocumentRefused

__all__ = [
    "AskedDocument",
    "DocumentLibrary",
    "DocumentRefused",
    "ManifestBroken",
    "TrustedDocuments",
]
