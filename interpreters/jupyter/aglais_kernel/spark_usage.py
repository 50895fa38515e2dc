"""Whether a cell may use Spark, from its code and the names it reads. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from types import FunctionType
from typing import Any

SPARK = re.compile(r"\bspark\b")
# Magics whose text is Python that runs in this kernel, unlike that of `%%bash`.
PYTHON_MAGICS = {"capture", "memit", "prun", "time", "timeit"}


def loads_spark(tree: ast.AST) -> bool:
    """Whether a cell reads the name `spark` and does not assign it."""
    loads = False
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == "spark":
            if not isinstance(node.ctx, ast.Load):
                return False
            loads = True
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == "spark":
            return False
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            if any((alias.asname or alias.name) == "spark" for alias in node.names):
                return False
        elif isinstance(node, ast.Call):
            loads = loads or bool(SPARK.search(_python_in_magic(node)))
    return loads


def may_use_spark(source: str, tree: ast.AST, namespace: Mapping[str, Any]) -> bool:
    """Whether a cell contains "spark", a pyspark object, or a function that uses one."""
    if "spark" in source.lower():
        return True
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return any(_leads_to_spark(namespace.get(name), namespace) for name in names)


def _leads_to_spark(value: Any, namespace: Mapping[str, Any]) -> bool:
    if isinstance(value, FunctionType) and value.__globals__ is namespace:
        return any(_is_pyspark(namespace.get(name)) for name in _names_in(value))
    return _is_pyspark(value)


def _names_in(function: FunctionType) -> Iterable[str]:
    return function.__code__.co_names


def _is_pyspark(value: Any) -> bool:
    name = getattr(value, "__module__", None) if isinstance(value, type) else type(value).__module__
    return isinstance(name, str) and name.split(".")[0] == "pyspark"


def _python_in_magic(call: ast.Call) -> str:
    """The text of `get_ipython().run_cell_magic('time', '', text)` and similar calls."""
    if not (isinstance(call.func, ast.Attribute) and call.func.attr.startswith("run_")):
        return ""
    texts = [
        argument.value
        for argument in call.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]
    return "\n".join(texts[1:]) if texts and texts[0] in PYTHON_MAGICS else ""
