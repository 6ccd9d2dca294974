"""Which fields a document asks for."""

import sys

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


def fields_of(document: DocumentNode, schema: GraphQLSchema) -> frozenset[str]:
    """Name every field that a validated document asks for, `Type.field`."""
    type_info = TypeInfo(schema)
    fields = _Fields(type_info)
    visit(document, TypeInfoVisitor(type_info, fields))
    return frozenset(fields.found)


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
                # One string for all documents: each of them keeps its fields.
                self.found.add(sys.intern(f"{name}.{node.name.value}"))
