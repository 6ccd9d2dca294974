"""Who may ask for what: fields are denied by default, and the role × field table grants.

The check reads the document and not the answer: a field that one of the caller's roles is not
granted refuses the request before anything runs, so nothing is written and no null stands for a
refusal. The fields of a document are collected once and remembered.
"""

from collections import OrderedDict
from collections.abc import Iterator

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLSchema,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    visit,
)
from strawberry.extensions import SchemaExtension

from schema.field_table import GRANTS
from schema.limits.refusals import refusal

FORBIDDEN = "FORBIDDEN"
_REMEMBERED_DOCUMENTS = 2_000


class _Fields(Visitor):
    """Collects `Type.field` for every field of a document, fragments and all operations."""

    def __init__(self, type_info: TypeInfo) -> None:
        super().__init__()
        self.found: set[str] = set()
        self._type_info = type_info

    def enter_field(self, node: FieldNode, *_: object) -> None:
        parent = self._type_info.get_parent_type()
        if parent is not None and not node.name.value.startswith("__"):
            name = get_named_type(parent).name
            if not name.startswith("__"):
                self.found.add(f"{name}.{node.name.value}")


def fields_of(document: DocumentNode, schema: GraphQLSchema) -> frozenset[str]:
    """This function will name every field that a validated document asks for."""
    type_info = TypeInfo(schema)
    fields = _Fields(type_info)
    visit(document, TypeInfoVisitor(type_info, fields))
    return frozenset(fields.found)


def forbidden_fields(fields: frozenset[str], roles: frozenset[str]) -> list[str]:
    """This function will name the fields that none of the roles is granted; no role, no field."""
    return sorted(field for field in fields if not roles & GRANTS.get(field, frozenset()))


class FieldTable(SchemaExtension):
    """Refuses a request for a field that the caller's roles are not granted."""

    _fields: OrderedDict[str, frozenset[str]] = OrderedDict()

    def on_validate(self) -> Iterator[None]:
        """After the gate: look the document's fields up in the table."""
        context = self.execution_context
        if not context.pre_execution_errors and context.graphql_document is not None:
            forbidden = forbidden_fields(self._fields_of_document(), context.context.roles)
            if forbidden:
                message = f"You may not ask for {', '.join(forbidden[:5])}."
                context.pre_execution_errors = [refusal(FORBIDDEN, message)]
        yield

    def _fields_of_document(self) -> frozenset[str]:
        context = self.execution_context
        assert context.graphql_document is not None
        key = context.query or ""
        known = self._fields.get(key) if key else None
        if known is None:
            known = fields_of(context.graphql_document, context.schema._schema)
            if key:
                self._fields[key] = known
                if len(self._fields) > _REMEMBERED_DOCUMENTS:
                    self._fields.popitem(last=False)
        return known
