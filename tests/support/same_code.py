"""Comparing code without the texts in it."""

import ast


def blank_strings(code: str) -> str:
    """A dump of the code's tree in which all strings are equal; of an f-string, only the fields are kept."""
    return ast.dump(_Blank().visit(ast.parse(code)))


class _Blank(ast.NodeTransformer):
    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        return ast.Constant("") if isinstance(node.value, str) else node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.JoinedStr:
        fields = [self.visit(value) for value in node.values if isinstance(value, ast.FormattedValue)]
        return ast.JoinedStr(fields)
