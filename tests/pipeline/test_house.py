"""The shape of the package: numbers that a reader feels, counted from the source.

`python tests/pipeline/test_house.py` prints them. The sandbox is a program of its own, and is left
out.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import target_userflow

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(target_userflow.__file__).parent
METHODS = 12
"""Of a class."""
LARGER = {
    "TargetUserflow": 20,  # the SDK wants a method for each of its hooks; so for the next
    "SdkTarget": 20,
    "UserflowSink": 15,
}
"""Classes with more methods, and how many they may have: these numbers only ever fall."""
COMPLEXITY = 8
"""Of a function."""
MODULES = 12
"""In a folder."""
LINES_OF_MODULE = 280
BODY_LINES = 10
"""Of nine bodies in ten."""
PRIVATE_ELSEWHERE = {
    "finish.py os._exit",  # public, though it is named so
    "singer/sdk.py CustomStreamMap._eval",  # whatever is private of the SDK is there
}

BRANCHES = (
    ast.If, ast.For, ast.While, ast.ExceptHandler, ast.IfExp, ast.comprehension, ast.Assert,
)  # fmt: skip
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def modules() -> dict[str, ast.Module]:
    """The modules by their path in the package."""
    paths = {str(path.relative_to(PACKAGE)): path for path in sorted(PACKAGE.rglob("*.py"))}
    return {
        name: ast.parse(path.read_text())
        for name, path in paths.items()
        if not name.startswith("sandbox")
    }


@cache
def nodes() -> list[tuple[str, ast.AST]]:
    """All nodes of the modules, each with the path of its module."""
    return [(name, node) for name, tree in modules().items() for node in ast.walk(tree)]


def functions() -> Iterator[tuple[str, Function]]:
    """All functions and methods, each by its module and name."""
    for name, node in nodes():
        if isinstance(node, Function):
            yield f"{name} {node.name}", node


def body_lines(function: Function) -> int:
    """Lines of a function's body, without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def complexity(function: Function) -> int:
    """McCabe's number: the ways through a function that do not repeat each other."""
    number = 1
    for node in ast.walk(function):
        if isinstance(node, BRANCHES):
            number += 1
        elif isinstance(node, ast.BoolOp):
            number += len(node.values) - 1
    return number


def complexities() -> Counter[str]:
    """The number of each function."""
    found: Counter[str] = Counter()
    for name, function in functions():
        found[name] = max(found[name], complexity(function))
    return found


def methods() -> Counter[str]:
    """The number of methods of each class."""
    return Counter(
        {
            node.name: sum(isinstance(item, ast.FunctionDef) for item in node.body)
            for _, node in nodes()
            if isinstance(node, ast.ClassDef)
        }
    )


def lines() -> Counter[str]:
    """The lines of each module."""
    return Counter({name: len((PACKAGE / name).read_text().splitlines()) for name in modules()})


def folders() -> Counter[str]:
    """The number of modules in each folder."""
    names = (name for name in modules() if not name.endswith("__init__.py"))
    return Counter(str(Path(name).parent) for name in names)


def private_elsewhere() -> set[str]:
    """Where a private name of something else than the object itself is used."""
    return {
        f"{name} {ast.unparse(node)}"
        for name, node in nodes()
        if isinstance(node, ast.Attribute) and is_private(node.attr) and not is_own(node.value)
    }


def is_private(name: str) -> bool:
    """Whether a name is private; `_replace` and `_asdict` are what a named tuple offers."""
    return (
        name.startswith("_") and not name.startswith("__") and name not in {"_replace", "_asdict"}
    )


def is_own(value: ast.expr) -> bool:
    """Whether an expression is the object or class itself, or another of the same class."""
    if isinstance(value, ast.Call):
        return ast.unparse(value.func) == "super"
    return isinstance(value, ast.Name) and value.id in {"self", "cls", "other"}


def body_lines_of_most() -> int:
    """The lines of a body that nine bodies in ten have at most."""
    numbers = sorted(body_lines(function) for _, function in functions())
    return numbers[int(0.9 * (len(numbers) - 1))]


@pytest.mark.parametrize(
    ("numbers", "most", "exceptions"),
    [
        pytest.param(methods, METHODS, LARGER, id="methods of a class"),
        pytest.param(complexities, COMPLEXITY, {}, id="complexity of a function"),
        pytest.param(folders, MODULES, {}, id="modules in a folder"),
        pytest.param(lines, LINES_OF_MODULE, {}, id="lines of a module"),
    ],
)
def test_each_part_is_small_enough_to_be_read_at_once(numbers, most, exceptions) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001 - as the parameters say
    """What grows beyond the bound holds several ideas: give one of them a place of its own."""
    larger = {name: n for name, n in numbers().items() if n > exceptions.get(name, most)}
    assert larger == {}


def test_nine_bodies_in_ten_are_of_a_few_lines() -> None:
    """A function does one thing."""
    assert body_lines_of_most() <= BODY_LINES


def test_no_private_name_is_used_from_outside() -> None:
    """What is private can be changed by whoever reads its module alone."""
    assert private_elsewhere() - PRIVATE_ELSEWHERE == set()


if __name__ == "__main__":
    numbers = {
        "lines": lines().total(),
        "modules": len(modules()),
        "modules in a folder": folders().most_common(4),
        "lines of a module": lines().most_common(6),
        "methods of a class": methods().most_common(14),
        "lines of a body of nine in ten": body_lines_of_most(),
        "complexity": complexities().most_common(16),
        "private names used elsewhere": sorted(private_elsewhere()),
    }
    sys.stdout.writelines(f"{name}: {number}\n" for name, number in numbers.items())
