"""Writes the contracts between the rooms into docs/architecture.md: signatures, and first sentences of docstrings.

Run it after a change of what is chosen here; a test fails where the page is out of date. Names are looked up in the
whole package, so that a file may move without an edit here; one that two files define is written with its file, as
`weights.save`.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "src"
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- contracts: python docs/contracts.py -->", "<!-- end of contracts -->"

# In the order of the page; a class brings its public methods. Rooms are those where they live.
CHOSEN = (
    "Text Image Document Video VideoSampling Message Conversation",
    "Visual Batch",
    "read_object atomic_path locked",
    "open_picture open_pages read_packages Package",
    "SlicingConfig Plan plan cut patchify Tokenizer render split_answer ProcessorConfig Processor Sample Count pack",
    "SiglipConfig SiglipEncoder ResamplerConfig Resampler fold_resampler Qwen3Config Qwen3 KVCache",
    "MiniCPMVConfig MiniCPMV preset weights.read_config weights.write_config weights.load weights.save",
    "is_right wrong_claims",
    "SamplingParams Guide TokenRoles TokenSampler next_tokens Engine EngineConfig generate Demiglace Chat Answer",
    "Question Page Region read_pdf corruption.corrupt degrade",
    "source.Source BadRecord Mixture Loader",
    "Stage Stateful Trainer LanguageLearner",
    "character_error_rate word_f1",
)

Definition = ast.ClassDef | ast.FunctionDef


@cache
def definitions() -> dict[str, Definition]:
    """Dotted name -> every class and function at the top of a file of the package."""
    found = {}
    for file in sorted(SOURCES.rglob("*.py")):
        module = ".".join(file.relative_to(SOURCES).with_suffix("").parts)
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, Definition):
                found[f"{module}.{node.name}"] = node
    return found


def full_name(name: str) -> str:
    """The dotted name that ends so; ValueError unless there is exactly one."""
    matches = [known for known in definitions() if known.endswith(f".{name}")]
    if len(matches) != 1:
        raise ValueError(f"docs/contracts.py chooses {name}, which the package defines {len(matches)} times: {matches}")
    return matches[0]


def room(name: str) -> str:
    """The folder of a full name inside the package, such as `data/sources`; of a file beside the rooms the file."""
    _, *folders, file, _ = name.split(".")
    return "/".join(folders) or file


def parameters(arguments: ast.arguments) -> list[str]:
    """As one writes them, without `self` and `cls`."""
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = dict(zip(reversed(positional), reversed(arguments.defaults), strict=False))
    defaults |= dict(zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True))
    written = [declared(one.arg, one.annotation, defaults.get(one)) for one in positional]
    if arguments.vararg:
        written.append("*" + declared(arguments.vararg.arg, arguments.vararg.annotation, None))
    elif arguments.kwonlyargs:
        written.append("*")
    written += [declared(one.arg, one.annotation, defaults.get(one)) for one in arguments.kwonlyargs]
    if arguments.kwarg:
        written.append("**" + declared(arguments.kwarg.arg, arguments.kwarg.annotation, None))
    return [one for one in written if one not in ("self", "cls")]


def declared(name: str, annotation: ast.expr | None, default: ast.expr | None) -> str:
    if annotation is None:
        return name
    return ast.unparse(ast.AnnAssign(ast.Name(name), annotation, default, simple=1))


def signature(node: Definition) -> str:
    """What follows the name: parameters and result, of a class what it is made from; nothing of a property."""
    if isinstance(node, ast.FunctionDef):
        result = f" -> {ast.unparse(node.returns)}" if node.returns else ""
        is_property = any(ast.unparse(one) == "property" for one in node.decorator_list)
        return result if is_property else f"({', '.join(parameters(node.args))}){result}"
    makers = [one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"]
    if makers:
        return f"({', '.join(parameters(makers[0].args))})"
    fields = [ast.unparse(one) for one in node.body if isinstance(one, ast.AnnAssign)]
    return f"({', '.join(fields)})" if fields else ""


def promise(node: Definition) -> str:
    """The first sentence of the docstring; ValueError where there is none."""
    text = ast.get_docstring(node)
    if not text:
        raise ValueError(f"{node.name} is a contract without a docstring")
    paragraph = " ".join(text.partition("\n\n")[0].split())
    return re.split(r"(?<=\.)\s", paragraph)[0]


def entries(name: str) -> Iterator[str]:
    """Lines of the page for a full name: itself and, of a class, its public methods."""
    node, shown = definitions()[name], ".".join(name.split(".")[-2:])
    yield f"- `{shown}{signature(node)}`: {promise(node)}"
    if isinstance(node, ast.ClassDef):
        for one in node.body:
            if isinstance(one, ast.FunctionDef) and not one.name.startswith("_"):
                yield f"    - `.{one.name}{signature(one)}`: {promise(one)}"


def contracts() -> str:
    """The section of the page, a heading for each room."""
    rooms: dict[str, list[str]] = {}
    for name in map(full_name, " ".join(CHOSEN).split()):
        rooms.setdefault(room(name), []).extend(entries(name))
    return "\n\n".join("\n".join([f"### `{place}`", "", *lines]) for place, lines in rooms.items())


def updated(page: str) -> str:
    """The page with today's contracts between the marks."""
    before, _, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"{PAGE} has no {BEGIN} before {END}")
    return f"{before}{BEGIN}\n\n{contracts()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text()))
