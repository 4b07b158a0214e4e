"""Where each name of a Python program was bound, by its scopes.

A use of a name is joined with the nearest earlier binding in the text that resolves it: that of the
innermost scope that binds the name, as Python looks it up. A class's scope is seen from its own
body alone, and not from its methods. A comprehension has a scope of its own, but for its first
iterable. `global` and `nonlocal` bind elsewhere, and `import a.b` binds a. Builtins, and names that
are bound further down alone, have no earlier binding and are left out.

    import os            # binds os at 7
    def f(a):            # binds f at 14, a at 16
        return os, a, b  # uses: os -> 7, a -> 16; b is never bound
"""

import ast
import re
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

Kind: TypeAlias = Literal["import", "function", "class", "argument", "assignment"]
_Functions: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
_Assignments: TypeAlias = ast.Assign | ast.AnnAssign | ast.AugAssign | ast.NamedExpr
_Comprehensions: TypeAlias = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_Named: TypeAlias = ast.ExceptHandler | ast.MatchAs | ast.MatchStar | ast.MatchMapping
_DEF, _AS = re.compile(r"\b(?:def|class)[\s\\]+"), re.compile(r"\bas[\s\\]+")
_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A mention of something that was told before. Places are in characters."""

    told: int  # where its name was bound, or it was mentioned last
    used: int
    kind: str
    name: str


@dataclass(kw_only=True)
class _Scope:
    above: "_Scope | None"
    is_class: bool = False
    is_comprehension: bool = False  # in which := does not bind
    # Of each name: from where on it is bound, where that is told, and by what; ascending.
    bound: dict[str, list[tuple[int, int, Kind]]] = field(default_factory=dict)
    elsewhere: dict[str, "_Scope"] = field(default_factory=dict)  # by global and nonlocal

    def bind(self, name: str, place: int, kind: Kind, since: int | None = None) -> None:
        scope = self.elsewhere.get(name, self)
        insort(scope.bound.setdefault(name, []), (since or place, place, kind))


def python_references(text: str) -> list[Reference] | None:
    """Return all uses of names that were bound before, in order, or None if it is no Python."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    reader = _Reader(text)
    try:
        reader.block(tree.body, _Scope(above=None))
    except RecursionError:
        return None
    return sorted(reader.references(), key=lambda one: (one.used, one.told))


class _Reader:
    """Walks a program once, binds names in their scopes, and keeps the uses for later, since a name
    may be bound in a scope after it is used there."""

    def __init__(self, text: str) -> None:
        self._text, self._starts = text, [0, *(m.end() for m in _LINE_END.finditer(text))]
        self._has_declarations = "global" in text or "nonlocal" in text
        self._uses: list[tuple[str, int, _Scope]] = []
        self._string: int | None = None  # where the f-string begins that is being read
        self._since: int | None = None  # where the statement ends whose targets are being read
        self._readers: dict[type[ast.AST], Callable[[Any, _Scope], None]] = {
            ast.Name: self._name,
            ast.Lambda: lambda node, scope: self._arguments(node.args, scope, [node.body]),
            ast.ClassDef: self._class,
            ast.JoinedStr: self._formatted,
            **dict.fromkeys(get_args(_Functions), self._function),
            **dict.fromkeys(get_args(_Assignments), self._assignment),
            **dict.fromkeys(get_args(_Comprehensions), self._comprehension),
            **dict.fromkeys((ast.For, ast.AsyncFor), self._loop),
            **dict.fromkeys((ast.Import, ast.ImportFrom), self._import),
            **dict.fromkeys(get_args(_Named), self._named),
        }

    def references(self) -> Iterator[Reference]:
        for name, used, scope in self._uses:
            found = _resolve(name, used, scope)
            if found is not None:
                yield Reference(told=found[0], used=used, kind=found[1], name=name)

    def block(self, body: Iterable[ast.AST], scope: _Scope) -> None:
        """Read statements of a scope, of which it is known first what is global or nonlocal."""
        nodes = list(body)
        for node in nodes if self._has_declarations else ():
            for declared in _declarations(node):
                target = _declared_in(declared, scope)
                scope.elsewhere |= dict.fromkeys(declared.names, target)
        for node in nodes:
            self._read(node, scope)

    def _read(self, node: ast.AST, scope: _Scope) -> None:
        read = self._readers.get(type(node))
        if read is None:
            self._children(node, scope)
        else:
            read(node, scope)

    def _children(self, node: ast.AST, scope: _Scope) -> None:
        for child in ast.iter_child_nodes(node):
            self._read(child, scope)

    def _assignment(self, node: _Assignments, scope: _Scope) -> None:
        """Read an assignment, which binds from its end on: in x = x + 1 the x used is an older."""
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        where = scope
        while isinstance(node, ast.NamedExpr) and where.is_comprehension and where.above:
            where = where.above
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            self._uses.append((node.target.id, self._place(node.target), scope))
        if isinstance(node, ast.AnnAssign):
            self._read(node.annotation, scope)
        if node.value is not None:
            self._read(node.value, scope)
        self._targets(targets, self._end(node), where)

    def _targets(self, targets: Iterable[ast.AST], since: int, scope: _Scope) -> None:
        outer, self._since = self._since, since
        for target in targets:
            self._read(target, scope)
        self._since = outer

    def _name(self, node: ast.Name, scope: _Scope) -> None:
        if isinstance(node.ctx, ast.Load):
            self._uses.append((node.id, self._place(node), scope))
        elif isinstance(node.ctx, ast.Store):
            scope.bind(node.id, self._place(node), "assignment", self._since)

    def _loop(self, node: ast.For | ast.AsyncFor, scope: _Scope) -> None:
        self._targets([node.target], self._end(node.iter), scope)
        for child in (node.iter, *node.body, *node.orelse):
            self._read(child, scope)

    def _import(self, node: ast.Import | ast.ImportFrom, scope: _Scope) -> None:
        for alias in node.names:
            if alias.asname:
                scope.bind(alias.asname, self._end(alias) - len(alias.asname), "import")
            elif alias.name != "*":
                scope.bind(alias.name.partition(".")[0], self._place(alias), "import")

    def _named(self, node: _Named, scope: _Scope) -> None:
        """Bind the name of a handler of exceptions, or of a pattern."""
        name = node.rest if isinstance(node, ast.MatchMapping) else node.name
        if isinstance(node, ast.ExceptHandler) and name and node.type:
            scope.bind(name, self._behind(_AS, self._end(node.type)), "assignment")
        elif name:
            scope.bind(name, self._text.rfind(name, 0, self._end(node)), "assignment")
        self._children(node, scope)

    def _function(self, node: _Functions, scope: _Scope) -> None:
        for decorator in node.decorator_list:
            self._read(decorator, scope)
        place = self._behind(_DEF, self._place(node))
        scope.bind(node.name, place, "function", self._place(node.body[0]))
        if node.returns is not None:
            self._read(node.returns, scope)
        self._arguments(node.args, scope, node.body)

    def _arguments(self, given: ast.arguments, scope: _Scope, body: Sequence[ast.AST]) -> None:
        """Read what belongs to the scope around a function, then its own."""
        inside = _Scope(above=scope)
        every = [*given.posonlyargs, *given.args, given.vararg, *given.kwonlyargs, given.kwarg]
        for default in (*given.defaults, *given.kw_defaults):
            if default is not None:
                self._read(default, scope)
        for argument in filter(None, every):
            if argument.annotation is not None:
                self._read(argument.annotation, scope)
            inside.bind(argument.arg, self._place(argument), "argument")
        self.block(body, inside)

    def _class(self, node: ast.ClassDef, scope: _Scope) -> None:
        for outer in (*node.decorator_list, *node.bases, *node.keywords):
            self._read(outer, scope)
        place = self._behind(_DEF, self._place(node))
        scope.bind(node.name, place, "class", self._place(node.body[0]))
        self.block(node.body, _Scope(above=scope, is_class=True))

    def _comprehension(self, node: _Comprehensions, scope: _Scope) -> None:
        self._read(node.generators[0].iter, scope)
        inside = _Scope(above=scope, is_comprehension=True)
        for number, part in enumerate(node.generators):
            later = [] if number == 0 else [part.iter]
            for child in (part.target, *later, *part.ifs):
                self._read(child, inside)
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        for part_of in parts:
            self._read(part_of, inside)

    def _formatted(self, node: ast.JoinedStr, scope: _Scope) -> None:
        """Read an f-string. Before Python 3.12 the places of what is in it are not reliable, so
        they are all where it begins."""
        outer = self._string
        self._string = self._place(node)
        self._children(node, scope)
        self._string = outer

    def _place(self, node: ast.AST) -> int:
        if self._string is not None:
            return self._string
        return self._at(node.lineno, node.col_offset)  # type: ignore[attr-defined]

    def _end(self, node: ast.AST) -> int:
        return self._at(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]

    def _at(self, line: int, column: int) -> int:
        """Return the place of a column, which counts bytes of UTF-8."""
        start = self._starts[line - 1]
        piece = self._text[start : start + column]
        if piece.isascii():
            return start + column
        return start + len(piece.encode()[:column].decode(errors="ignore"))

    def _behind(self, keyword: re.Pattern[str], start: int) -> int:
        """Return the place behind a keyword, which is where the name stands."""
        found = keyword.search(self._text, start)
        return found.end() if found else start


def _declarations(node: ast.AST) -> Iterator[ast.Global | ast.Nonlocal]:
    """Yield what a statement declares for its scope, and not for those within."""
    if isinstance(node, ast.Global | ast.Nonlocal):
        yield node
    elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
        for child in ast.iter_child_nodes(node):
            yield from _declarations(child)


def _declared_in(node: ast.Global | ast.Nonlocal, scope: _Scope) -> _Scope:
    """Return the scope that the names belong to."""
    above = scope.above or scope
    if isinstance(node, ast.Global):
        while above.above is not None:
            above = above.above
        return above
    while above.above is not None and not (set(node.names) & above.bound.keys()):
        above = above.above
    return above


def _resolve(name: str, used: int, scope: _Scope) -> tuple[int, Kind] | None:
    """Return the nearest earlier binding of a name, in the innermost scope that binds it."""
    own: _Scope | None = scope
    while own is not None:
        own = own.elsewhere.get(name, own)
        places = own.bound.get(name, [])
        earlier = bisect_left(places, (used + 1,))
        if earlier:
            return places[earlier - 1][1:]
        if places and not own.is_class:
            return None  # it is bound further down
        own = own.above
        while own is not None and own.is_class:
            own = own.above
    return None
