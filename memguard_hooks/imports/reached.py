"""Which functions of a project run at start, and which the framework runs while it serves, over all files.

A function runs where code that runs calls it, and where somebody else's code is given it. A method runs where its receiver
is known to be of its class; a receiver that nobody knows may be of each class that is used, while the process serves. A
class that inherits from somebody else's is given to that: its methods are callbacks.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque

from memguard_hooks.imports.callbacks import (
    BEFORE_FORK,
    BY_DOTTED_NAME,
    ENQUEUING,
    STARTING_METHODS,
    is_command_line,
    is_passive_base,
    is_queue,
    is_standard,
    is_web,
    runs,
    starts,
)
from memguard_hooks.imports.facts import MAX_OPEN
from memguard_hooks.imports.functions import MAIN, OTHERWISE
from memguard_hooks.imports.model import Choice, Functions, How, Passed
from memguard_hooks.imports.named_modules import ANY_EXTENSION, HELD, MAX_SOURCES, MORE
from memguard_hooks.imports.resolve import MAX_FOLDERS, Resolver, absolute
from memguard_hooks.record import Record
from memguard_hooks.relations import grouped

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any, ClassVar, Literal, Protocol, TypeAlias, TypeVar

    from memguard_hooks.imports.callbacks import Serves
    from memguard_hooks.imports.choices import Chooser
    from memguard_hooks.imports.sources import SourceFiles

    Item = TypeVar("Item")
    Stage: TypeAlias = "Literal['start', 'serving']"
    NameAnswer: TypeAlias = "tuple[bool, tuple[str, ...] | None, str | None]"

    class Told(Protocol):
        """Who is told what runs, and which modules are loaded by their names."""

        def on_run(self, call: Call, stage: Stage) -> None:
            """Hear that a body runs."""

        def on_load(self, path: str, place: int, text: str, stage: Stage, attribute: str) -> None:
            """Hear that a module is given to somebody else by its name, and which attribute of it is then called."""


MAX_STARS = 100
"""Modules of which one file takes all names: each is asked for each name that is not the file's own."""

MAX_FAMILY = 200
"""Classes that one inherits from."""

MAX_STARRED = 40_000
"""Looks into modules of which a file imports all names: one application with many stars takes 27,000."""

MAX_STEPS = 20
"""Names for names that one name is followed through."""

MAX_NAMED = 200
"""Modules that one computed name may stand for."""

_CONSTRUCTORS = frozenset({"__init__", "__new__", "__post_init__"})
_ANSWERING_NONE = frozenset({"tasks", "command", "schedule"})
"""Work of processes that answer no requests."""

_RUNNING_NONE = frozenset({"requests", "schedule"})
"""Work of processes that run no tasks."""

_CALLED_ALONE = {
    "Cog": ("cog_", "bot_check", "interaction_check"),
    "GroupCog": ("cog_", "bot_check", "interaction_check"),
    "Thread": ("run",),
    "Process": ("run",),
}
"""Last names of classes → the beginnings of the methods that they call of those below them, beside what decorators register.

Sources: discord.py's reference of `commands.Cog`, and Python's of `threading.Thread` and `multiprocessing.Process`.
"""

_STAGES = ("start", "serving")
_WITHIN = ("called", "if ", "else")
"""What the words begin with that lead to a body which runs as a part of another: a call of it, or a way of a choice."""
_FINDERS = frozenset({"iter_modules", "walk_packages"})
"""Functions of pkgutil that list the modules of a package, to load them."""

_OWN_PACKAGE = frozenset({":__name__", ":__package__", ":__path__"})
"""What a package gives to have its own modules listed."""

_COMMANDS = frozenset({"command", "callback", "group", "set_defaults"})
"""Methods of command lines that are given the function of a command."""

MAX_BODIES = 50_000
"""Bodies that one walk looks into."""


class Known(Record):
    """What a term stands for: of the project, at its place, or of somebody else; `rest` is what of it is asked for."""

    kind: Literal["function", "class", "instance", "module", "external", "unknown"]
    path: str = ""
    name: str = ""
    rest: str = ""


class Call(Record):
    """A body that runs, and by which call it is reached."""

    path: str
    name: str
    how: How


class Calls:
    """Calls by their numbers, and what they are in words."""

    def __init__(self, sources: SourceFiles) -> None:
        self._sources = sources
        self._lines: dict[str, Sequence[int]] = {}
        self.calls: list[Call] = []
        self._ran: dict[tuple[str, str], tuple[int, Stage]] = {}
        self._bodies: defaultdict[tuple[str, str], dict[str, None]] = defaultdict(dict)
        """The bodies that run of each function, by its file and its name."""
        self.open: dict[tuple[str, str], tuple[str, ...]] = {}
        """Choices of which nobody knows which way they take, by file and name, and these ways."""
        self.beyond: dict[str, str] = {}
        """The files from which not all is followed, and why."""

    def _note(self, call: Call, stage: Stage) -> int:
        """Keep that a body runs; return the number of the call."""
        self.calls.append(call)
        self._ran[call.path, call.name] = (len(self.calls) - 1, stage)
        self._bodies[call.path, function_of(call.name)][call.name] = None
        return len(self.calls) - 1

    def chose(self, path: str, choice: Choice, taken: tuple[str, ...], stage: Stage) -> None:
        """Note a choice that is not known: of settings at start; with imports also of arguments, and in requests."""
        is_early = stage == "start" and choice.is_settled
        is_open = is_early or (choice.is_importing and (choice.is_settled or choice.is_given))
        if is_open and choice.is_weighed and len(taken) > 1:
            self.open[path, choice.key] = taken

    def ran(self, path: str, name: str) -> tuple[Call, Stage] | None:
        """Return how and when a body runs, None as far as it is not known to."""
        found = self._ran.get((path, name))
        return None if found is None else (self.calls[found[0]], found[1])

    def line(self, path: str, place: int) -> int:
        """Return the line of a file that has a number."""
        lines = self._numbers(path)
        return lines[place] if 0 <= place < len(lines) else 0

    def _numbers(self, path: str) -> Sequence[int]:
        lines = self._lines.get(path)
        if lines is None:
            lines = self._lines[path] = self._sources.places(path).numbers()
        return lines

    def body_at(self, path: str, line: int) -> str:
        """Return the name of the innermost body that holds a line."""
        return self._sources.body_at(path, line)

    def told(self, how: How) -> str:
        """Say how a body is reached: the calls until there, the shortest tail of them."""
        parts: list[str] = []
        while how.words:
            parts.append(f"{how.words} at {how.path}:{self.line(how.path, how.place)}" if how.path else how.words)
            if how.by < 0:
                break
            how = self.calls[how.by].how
        return ", ".join(parts)

    def condition_of(self, path: str, line: int) -> str:
        """Return the condition under which the function that holds a line runs at start, empty where there is none."""
        ran = self.ran(path, self.body_at(path, line))
        how = ran[0].how if ran is not None and ran[1] == "start" else How()
        while how.words:
            if how.words.startswith("if "):
                return f"{how.words} at {how.path}:{self.line(how.path, how.place)}"
            if how.by < 0:
                break
            call = self.calls[how.by]
            how = call.how
        return ""

    def run_while_loading(self) -> frozenset[tuple[str, str]]:
        """Return the bodies at start that run because a file is loaded: statements of files, their ways, and what they call.

        What a framework calls before it serves, and what only the program does that a file is, are none of them.
        """
        loading: list[bool] = []
        for call in self.calls:
            if call.how.words:
                loading.append(call.how.words.startswith(_WITHIN) and call.how.by >= 0 and loading[call.how.by])
            else:
                loading.append(function_of(call.name) != MAIN)
        return frozenset(place for place, (number, stage) in self._ran.items() if stage == "start" and loading[number])

    def is_after_fork(self, call: Call) -> bool:
        """Return whether each worker runs a body by itself, also where the app is loaded before they are forked."""
        while function_of(call.name).rpartition(".")[2] not in BEFORE_FORK:
            if call.how.by < 0:
                return call.how.is_after_fork
            call = self.calls[call.how.by]
        return False

    def all_that_ran(self) -> dict[tuple[str, str], Stage]:
        """Return when each body runs that is known to, by its file and its name."""
        return {place: stage for place, (_, stage) in self._ran.items()}


def _is_absent(found: list[Known]) -> bool:
    """Return whether a term stands for nothing of the project, so that its import may fail: out of a package, for one."""
    return all(one.kind == "external" for one in found)


def function_of(name: str) -> str:
    """Return the function that a body is of, also one of its branches."""
    return name.partition(".<")[0]


class Answers:
    """What the functions of a file answer, by the kind of a question and the name that it is about."""

    __slots__ = ("_bodies", "_bound", "_choices", "_classes", "_found", "_lazy", "_methods_of", "_named", "_returned")

    def __init__(self, found: Functions) -> None:
        self._found = found
        self._bodies = grouped((one.name, one) for one in found.bodies)
        self._classes = {one.name: one.bases for one in found.classes}
        self._bound = dict(found.bound)
        self._returned = dict(found.returned)
        self._choices = grouped((one.holder, one) for one in found.choices)
        self._lazy = grouped(found.lazy)
        self._named = grouped(found.named)
        self._methods_of: dict[str, list[str]] | None = None

    def answer(self, kind: str, name: str) -> Any:
        """Answer a question. Raises KeyError for a kind that there is not."""
        return self._ANSWERS[kind](self, name)

    def _name(self, name: str) -> NameAnswer:
        return name in self._bodies, self._classes.get(name), self._bound.get(name)

    def _body(self, name: str) -> list[tuple[tuple[tuple[str, int], ...], tuple[Passed, ...]]]:
        """Return what bodies call and hand over: where they begin is asked for by nobody."""
        return [(one.calls, one.passed) for one in self._bodies.get(name, ())]

    def _choice(self, name: str) -> list[Choice]:
        return self._choices.get(name, [])

    def _result(self, name: str) -> str | None:
        return self._returned.get(name)

    def _methods(self, name: str) -> list[str]:
        if self._methods_of is None:
            self._methods_of = grouped((body.rpartition(".")[0], body) for body in self._bodies if "." in body)
        return self._methods_of.get(name, [])

    def _stars(self, _: str) -> tuple[str, ...]:
        return self._found.stars

    def _wraps(self, name: str) -> bool:
        return name in self._found.wrapping

    def _functions(self, _: str) -> list[str]:
        return [body for body in self._bodies if body and "." not in body and body != MAIN]

    def _noting(self, _: str) -> list[str]:
        return [body.rpartition(".")[0] for body in self._bodies if body.endswith(".__init_subclass__")]

    def _inheriting(self, _: str) -> list[str]:
        return [name for name, bases in self._classes.items() if bases]

    def _is_property(self, name: str) -> bool:
        return name in self._found.properties

    def _lazy_modules(self, name: str) -> list[str]:
        return self._lazy.get(name, [])

    def _texts_of(self, key: str) -> list[str]:
        return self._named.get(key, [])

    _ANSWERS: ClassVar[dict[str, Callable[[Answers, str], Any]]] = {
        "name": _name,
        "body": _body,
        "choices": _choice,
        "returned": _result,
        "methods": _methods,
        "stars": _stars,
        "wraps": _wraps,
        "functions": _functions,
        "property": _is_property,
        "noting": _noting,
        "inheriting": _inheriting,
        "lazy": _lazy_modules,
        "named": _texts_of,
    }


class _File(Answers):
    """The answers of a file, and which questions were asked."""

    __slots__ = ("_names", "asked", "module")

    def __init__(self, found: Functions, module: str | None, asked: dict[tuple[str, str], None]) -> None:
        super().__init__(found)
        self.module = module
        self.asked = asked
        self._names: dict[str, NameAnswer] = {}
        """What was answered of names: most questions are about these, again and again."""

    def answer(self, kind: str, name: str) -> Any:
        """Answer a question, and note it."""
        self.asked[kind, name] = None
        return super().answer(kind, name)

    def name(self, name: str) -> NameAnswer:
        """Return whether a name is that of a body, the bases of the class that it is, and the term that it is bound to."""
        known = self._names.get(name)
        if known is None:
            known = self._names[name] = self.answer("name", name)
        return known

    def is_body(self, name: str) -> bool:
        """Return whether a name is that of a body."""
        return self.name(name)[0]

    def bases(self, name: str) -> tuple[str, ...]:
        """Return the bases of a class, none of what is no class."""
        return self.name(name)[1] or ()


class Reach(Calls):
    """The bodies that run, as files are loaded one by one; `on_run` is told each body once at each of its moments."""

    def __init__(
        self,
        sources: SourceFiles,
        resolver: Resolver,
        serves: Serves,
        told: Told,
        chooser: Chooser,
    ) -> None:
        super().__init__(sources)
        self._resolver = resolver
        self._chooser = chooser
        self._serves = serves
        self._told_to = told
        self.log: list[tuple[object, ...]] = []
        """What was asked, and what was answered, in order."""
        self._files: dict[str, _File] = {}
        """The last files that were asked, at most `MAX_OPEN`."""
        self._questions: dict[str, dict[tuple[str, str], None]] = {}
        self._names: dict[str, str | None] = {}
        self._waiting: dict[Stage, deque[int]] = {"start": deque(), "serving": deque()}
        self._from = ""
        """The file whose body runs others."""
        self._from_elsewhere: set[tuple[str, str]] = set()
        """Functions that other files call: what these give is not looked at."""
        self._used: set[tuple[str, str]] = set()
        """Classes that code uses."""
        self._members: dict[str, list[Call]] = {}
        """Their methods by their last names."""
        self._loaded: dict[str, Stage] = {}
        self._noting: set[tuple[str, str]] = set()
        """Classes that know which ones inherit from them."""
        self._given_members: dict[str, list[Call]] = {}
        """Methods of classes that somebody else's code is given, by their last names."""
        self._derived: dict[tuple[str, str], list[tuple[str, str]]] = {}
        """The classes that are used, by those that they inherit from."""
        self._lazy: dict[tuple[str, str, str], None] = {}
        """What `__getattr__` of files finds by the names that were asked for: a module, or the body that finds it."""
        self._by_name: dict[str, None] = {}
        """Files of modules that code loads by a name that it computes."""
        self._asked_texts: dict[str, tuple[Stage, str, int]] = {}
        """Names that hold what code imports by its name: when it does, and where."""
        self._asked: set[str] = set()
        """Members that were asked of what nobody knows."""
        self._asked_of_others: set[str] = set()
        """Members that were asked of what somebody else's code returns."""
        self._asked_of_modules: set[str] = set()
        """Functions that were asked of modules that are loaded by a computed name."""
        self._known: dict[tuple[str, str], list[Known]] = {}
        self._known_stars: dict[str, tuple[str, ...]] = {}
        self._star_files: dict[tuple[str, str], str] = {}
        """The files that stars of others stand for, where nothing can stand below them."""
        self._starred = 0
        self._full = ""
        self._families: dict[tuple[str, str], list[tuple[str, str]]] = {}

    # What runs

    def load(self, path: str, module: str | None, stage: Stage, *, is_main: bool) -> None:
        """Run the statements of a file."""
        self.log.append(("load", path, module or "", stage, is_main))
        self._names.setdefault(path, module)
        self.run(path, "", stage, How())
        self._loaded[path] = stage
        for key, (when, by, place) in list(self._asked_texts.items()):
            self._load_held_by(path, key, by, place, when)
        noting = {(path, name) for name in self._file(path).answer("noting", "")}
        self._noting |= noting
        if self._noting:
            self._note_classes(list(self._loaded) if noting else [path])
        if is_main:
            self.run(path, MAIN, stage, How())

    def _note_classes(self, paths: list[str]) -> None:
        """Use the classes of files whose base notes them as they are defined, or asks for them: `__init_subclass__`."""
        for path in paths:
            for name in self._file(path).answer("inheriting", ""):
                if not self._noting.isdisjoint(self._family(path, name)[1:]):
                    self._use(path, name, "serving", How(), is_made=True)

    def call(self, path: str, name: str, stage: Stage, how: How) -> None:
        """Run a function of a file that others call by its name."""
        self.log.append(("call", path, name, stage, *how))
        outer, self._from = self._from, ""
        for known in self._resolve(f":{name}", path):
            self._called(known, stage, how)
        self._from = outer

    def callback(self, path: str, name: str, how: How) -> None:
        """Let a framework call a function, or the methods of a class, that it knows by name."""
        self.log.append(("callback", path, name, *how))
        outer, self._from = self._from, ""
        for known in self._resolve(f":{name}", path):
            if known.kind == "class":
                self._expose(known.path, known.name, how)
            else:
                self._called(known, "serving", how)
        self._from = outer

    def run(self, path: str, name: str, stage: Stage, how: How) -> None:
        """Run a body, unless it has run by then."""
        if self._from != path and (path, name) not in self._from_elsewhere:
            self._call_from_elsewhere(path, name, stage)
        before = self._ran.get((path, name))
        is_earlier = before is None or (before[1] == "serving" and stage == "start")
        if is_earlier and self._file(path).is_body(name):
            if len(self._ran) >= MAX_BODIES:
                self._full = self._full or path  # of which it is told: those that follow may be many
                self.beyond[self._full] = f"more than {MAX_BODIES} functions run: of its own not all are followed"
                return
            self.log.append(("ran", path, name, stage, *how))
            self._waiting[stage].append(self._note(Call(path, name, how), stage))
            self._run_overriding(path, name, stage, how)

    def _run_overriding(self, path: str, name: str, stage: Stage, how: How) -> None:
        """Run what overrides a method in the classes that are used: of an annotation or `self` any of them may be meant."""
        holder, _, member = name.rpartition(".")
        if holder and member not in _CONSTRUCTORS:
            for inner_path, inner in self._derived.get((path, holder), ()):
                self.run(inner_path, f"{inner}.{member}", stage, how)

    def _call_from_elsewhere(self, path: str, name: str, stage: Stage) -> None:
        """Note that another file calls a function: each way that its arguments choose may run."""
        self._from_elsewhere.add((path, name))
        bodies = self._bodies.get((path, name), ()) if name else ()
        for number in [self._ran[path, body][0] for body in bodies]:
            for choice in self._file(path).answer("choices", self.calls[number].name):
                if choice.is_given:
                    self._choose(choice, number, stage)

    def drain(self, stage: Stage) -> None:
        """Look into the bodies that wait, and into those that these run."""
        self.log.append(("drain", stage))
        while self._waiting[stage]:
            self._look_into(self._waiting[stage].popleft(), stage)

    def asked(self) -> dict[str, list[tuple[str, str]]]:
        """Return the files on which the answers until now depend, with what was asked of each."""
        return {path: list(asked) for path, asked in self._questions.items() if asked}

    def _look_into(self, number: int, stage: Stage) -> None:
        call = self.calls[number]
        self.log.append(("look", number, stage))
        self._told_to.on_run(call, stage)
        file = self._file(call.path)
        self._from = call.path
        for calls, handed in file.answer("body", call.name):
            for term, place in calls:
                for known in self._resolve(term, call.path):
                    self._called(known, stage, self._how(number, place))
                self._load_lazy(place, number, stage)
            for passed in handed:
                self._hand_over(passed, number, stage)
                self._load_lazy(passed.place, number, stage)
        for choice in file.answer("choices", call.name):
            self._choose(choice, number, stage)

    def _choose(self, choice: Choice, number: int, stage: Stage) -> None:
        """Run the ways that a choice may take."""
        path = self.calls[number].path
        is_given_elsewhere = choice.is_given and (path, choice.function) in self._from_elsewhere
        is_given_elsewhere = is_given_elsewhere and not self._chooser.is_chosen(path, choice)
        taken = choice.names if is_given_elsewhere else self._chooser.ways(path, choice)
        outer, self._from = self._from, path
        self.log.append(("chose", path, choice.key, stage, list(taken)))
        self.chose(path, choice, taken, stage)
        for way in choice.ways:
            if way.name in taken and way.name:
                self.run(path, way.name, stage, How(f"if {way.test}" if way.test else "else", path, way.place, number))
        self._from = outer

    def _how(self, number: int, place: int) -> How:
        """Return how a function is reached from a body that runs."""
        call = self.calls[number]
        if call.name in ("", MAIN):
            return call.how if call.how.words else How("called", call.path, place, number)
        return How(f"called by {function_of(call.name)}", call.path, place, number)

    def _called(self, known: Known, stage: Stage, how: How) -> None:
        if known.kind == "function":
            if not known.rest:
                self.run(known.path, known.name, stage, how)
            elif ENQUEUING.isdisjoint(known.rest.replace("()", "").split(".")):  # nor of what that returns: `f.delay(1).id`
                self.run(known.path, known.name, "serving", how)
        elif known.kind == "class":
            self._use(known.path, known.name, "serving" if known.rest else stage, how, is_made=not known.rest)
            if known.rest.startswith("__subclasses__") and (known.path, known.name) not in self._noting:
                self._noting.add((known.path, known.name))
                self._note_classes(list(self._loaded))
        elif known.kind == "instance":
            self._use(known.path, known.name, stage, how, is_made=True)
        elif known.kind == "unknown":
            self._ask(known.name)
        elif "()." in known.name:
            self._ask_others(known.name)

    def _hand_over(self, passed: Passed, number: int, stage: Stage) -> None:
        call = self.calls[number]
        if passed.text and not passed.term:
            self._load_by_name(passed, call, stage)
            return
        if passed.to.rpartition(".")[2] in _FINDERS:
            self._load_all(passed, call, stage)
        if passed.term in _OWN_PACKAGE and self._looks_through(passed.to, call.path):
            self._load_computed(call.path, passed.place, ".*", stage)
        found = [one for one in self._resolve(passed.term, call.path) if one.kind != "external"]
        if passed.to.rpartition(".")[2] == "add_command":
            found = [one for one in found if not self._is_command(one)]  # its decorator says when it runs
        if not found:
            return
        for known in found if passed.keyword != "@" else ():
            if known.kind == "function" and not known.rest and self._file(known.path).answer("property", known.name):
                self.run(known.path, known.name, stage, self._how(number, passed.place))
        to_whom = self._resolve(passed.to, call.path) if passed.to else []
        is_kept = bool(to_whom) and all(to.kind == "class" for to in to_whom)  # whose methods say what they do with it
        when = [self._moment(to, passed, stage) for to in to_whom]
        if not passed.to and passed.keyword and starts("", passed.keyword, "", "") and self._serves not in _RUNNING_NONE:
            when = [stage]
        if None in when:
            return
        stage = "start" if "start" in when else "serving"
        for known in found:
            how = self._how_given(passed, number)
            if known.kind == "module":
                self._by_name[known.path] = None
                for name in sorted(self._asked | self._asked_of_modules):
                    self._ask_modules(name, known.path)
            elif known.kind == "instance" and is_kept:
                self._use(known.path, known.name, stage, how)
            elif known.kind == "instance":
                self._expose(known.path, known.name, how)
            elif known.kind == "class" and passed.to:
                self._use(known.path, known.name, "serving", how)
                self._give(known.path, known.name, how)
                if passed.keyword != "@":
                    self._use(known.path, known.name, "serving", how, is_made=True)
            else:
                self._called(known, stage, how)

    def _how_given(self, passed: Passed, number: int) -> How:
        to = passed.to.lstrip(":").replace("()", "")
        if not to:
            return self._how(number, passed.place)
        name = f"@{to}" if passed.keyword == "@" else to
        words = re.findall(r"\w+", f"{to} {passed.keyword} {passed.text}")
        is_after_fork = BEFORE_FORK.isdisjoint(words)
        return How(f"given to {name}", self.calls[number].path, passed.place, is_after_fork=is_after_fork)

    def _moment(self, to: Known, passed: Passed, stage: Stage) -> Stage | None:
        """Return when a function runs what it is given, None for never in this process."""
        if passed.to.rpartition(".")[2] in _COMMANDS and passed.keyword:
            is_run = self._runs_command(to, passed)
            if is_run is not None:
                return stage if is_run else None
        if to.kind in ("function", "class", "instance"):
            is_wrapper = passed.keyword == "@" and self._file(to.path).answer("wraps", to.name.partition(".")[0])
            return None if is_wrapper else "serving"
        term = to.name if to.kind == "external" else passed.to
        if is_web(term) and self._serves in _ANSWERING_NONE:
            return None
        if starts(term, passed.keyword, passed.text, passed.term):
            is_of_workers = is_queue(term) and ".on_" not in term
            return stage if self._serves not in _RUNNING_NONE or not is_of_workers else None
        if is_queue(term):
            return "serving" if self._serves not in _RUNNING_NONE else None
        when = runs(term, passed.keyword)
        return None if when == "never" else stage if when == "at once" else "serving"

    def _runs_command(self, to: Known, passed: Passed) -> bool | None:
        """Return whether the command line names the command whose function this is, None for what is no command line.

        A service that is not started as a program runs none, and one that names none has but one.
        """
        words = self._chooser.words
        if passed.keyword != "@":
            return words is None or not passed.text or passed.text in words
        term = to.name
        if to.kind == "function":
            path = to.path
            term = next((one.to for one in self._given_to(path, to.name) if is_command_line(self._plain(one.to, path))), "")
            term = self._plain(term, path)
        if not is_command_line(term):
            return None
        if words is None or passed.to.endswith((".callback", ".callback()")):  # what runs before each command
            return words is not None
        name = passed.text or passed.term.lstrip(":").rpartition(".")[2]
        return not words or any(one in words for one in (name, name.replace("_", "-"), name.strip("_")))

    def _is_command(self, known: Known) -> bool:
        """Return whether a function is decorated as a command, which its group may be given beside."""
        given = self._given_to(known.path, known.name) if known.kind == "function" else ()
        return any(is_command_line(self._plain(one.to, known.path)) for one in given)

    def _given_to(self, path: str, name: str) -> Iterator[Passed]:
        """Yield how a function of a file is decorated."""
        for body in self._file(path).answer("body", ""):
            yield from (one for one in body[1] if one.term == f":{name}" and one.keyword == "@")

    def _plain(self, term: str, path: str) -> str:
        """Return what a term of a file is, of somebody else's."""
        return next((one.name for one in self._resolve(term, path) if one.kind == "external"), "")

    def _load_by_name(self, passed: Passed, call: Call, stage: Stage) -> None:
        """Load what is given by its name: `load_extension("cogs.voice")`, `uvicorn.run("server:app")`."""
        last, text = passed.to.rpartition(".")[2].lstrip(":"), passed.text
        if text == MORE:
            self._note_more(call.path)
        elif text.startswith(HELD):
            self._load_held(text[1:], call.path, passed.place, stage)
        elif last in ("import_module", "__import__", "Client"):
            self._load_computed(call.path, passed.place, text, stage)
        elif last in BY_DOTTED_NAME:
            module, _, attribute = text.replace(":", ".").rpartition(".")
            self._load_named(call.path, passed.place, module, stage, attribute)
        elif last == "add_job":
            module, colon, attribute = text.partition(":")
            if colon:
                self._load_named(call.path, passed.place, module, "serving", attribute)
        elif last == "Page":
            if text.endswith(".py"):
                module = text.removesuffix(".py").replace("/", ".")
                self._load_named(call.path, passed.place, module, "serving", MAIN)
        elif text == ANY_EXTENSION:
            if stage == "start":  # a command of the bot loads later what somebody asks for
                self._load_extensions(call.path, passed.place, stage)
        elif last not in ("run", "enqueue"):  # what is put into a queue is run by another process
            self._load_named(call.path, passed.place, text, stage, "setup")
        elif any(
            to.name.partition(".")[0] in ("uvicorn", "hypercorn", "granian") for to in self._resolve(passed.to, call.path)
        ):
            module, _, attribute = text.partition(":")
            self._load_named(call.path, passed.place, module, stage, attribute)

    def _load_all(self, passed: Passed, call: Call, stage: Stage) -> None:
        """Load the modules of a package that code looks through: `pkgutil.iter_modules(plugins.__path__)`."""
        package, _, last = passed.term.rpartition(".")
        if passed.term == ":__path__":
            self._load_computed(call.path, passed.place, ".*", stage)
        elif last == "__path__":
            bound = self._file(call.path).name(package[1:])[2] if package.startswith(":") else package
            self._load_computed(call.path, passed.place, f"{bound}.*" if bound else "", stage)

    def _looks_through(self, term: str, path: str) -> bool:
        """Return whether a function of the project loads the modules of a package that it is given: `load(__name__)`."""
        bodies = (
            self._file(one.path).answer("body", one.name)
            for one in self._resolve(term, path)
            if one.kind == "function" and not one.rest
        )
        given = [passed for found in bodies for _, some in found for passed in some]
        is_looking = any(one.to.rpartition(".")[2] in _FINDERS for one in given)
        return is_looking and any(one.to.rpartition(".")[2] == "import_module" for one in given)

    def _load_computed(self, path: str, place: int, text: str, stage: Stage) -> None:
        """Load modules of which code knows no more than the beginning of their names."""
        level = len(text) - len(text.lstrip("."))
        stem = text.lstrip(".").removesuffix("*").rstrip(".")
        module = absolute(stem, level, self._file(path).module, is_package=path.endswith("/__init__.py")) if level else stem
        if not module:
            return
        is_below = text.endswith("*")
        names = self._resolver.below(module)[0] if is_below else [module] if self._resolver.files(module) else []
        found = [name for name in self._first(names, path) if self._resolver.is_whole(name)]
        for name in [f"{module}.*"] if is_below and len(names) <= MAX_NAMED else found:
            self._load_named(path, place, name, stage, "")
        self._by_name.update(dict.fromkeys(self._resolver.files(name)[-1] for name in found))
        for name in sorted(self._asked_of_modules | self._asked):
            self._ask_modules(name)

    def _load_held(self, key: str, path: str, place: int, stage: Stage) -> None:
        """Load what the texts name that something of a name holds, in all files that are loaded, now or later."""
        before = self._asked_texts.get(key)
        if before is None or (before[0] == "serving" and stage == "start"):
            self._asked_texts[key] = stage, path, place
            for loaded in list(self._loaded):
                self._load_held_by(loaded, key, path, place, stage)

    def _load_held_by(self, loaded: str, key: str, path: str, place: int, stage: Stage) -> None:
        when = max(stage, self._loaded[loaded], key=_STAGES.index)
        for text in self._first(self._file(loaded).answer("named", key), loaded):
            if text == MORE:
                self._note_more(loaded)
                continue
            if text.startswith(HELD):
                self._load_held(text[1:], path, place, when)
                continue
            name = text.replace(":", ".")
            module, attribute = (name, "") if self._resolver.is_whole(name) else name.rpartition(".")[::2]
            if self._resolver.is_whole(module):
                self._load_named(path, place, module, when, attribute)
                self._by_name[self._resolver.files(module)[-1]] = None

    def _load_extensions(self, path: str, place: int, stage: Stage) -> None:
        """Load the extensions of discord.py: modules whose `setup` adds something to the bot that it is given."""
        modules, is_whole = self._resolver.all_modules(MAX_NAMED + 1)
        if not is_whole:
            self.beyond.setdefault(path, f"loads extensions of more than {MAX_FOLDERS} folders: the others are not followed")
        for name in self._first(modules, path):
            bodies = self._file(self._resolver.files(name)[-1]).answer("body", "setup")
            if any(term.rpartition(".")[2].startswith("add_") for calls, _ in bodies for term, _ in calls):
                self._load_named(path, place, name, stage, "setup")

    def _note_more(self, path: str) -> None:
        reason = f"the name of a module that it loads comes from more than {MAX_SOURCES} expressions: not all are followed"
        self.beyond.setdefault(path, reason)

    def _first(self, names: Sequence[str], path: str) -> Sequence[str]:
        """Return names of modules up to the bound, and note a file that has more."""
        if len(names) > MAX_NAMED:
            self.beyond.setdefault(path, f"loads more than {MAX_NAMED} modules by their names: the others are not followed")
        return names[:MAX_NAMED]

    def _load_named(self, path: str, place: int, text: str, stage: Stage, attribute: str) -> None:
        if len(text.split()) != 1 or "/" in text:  # a statement of SQL, say: no name of a module
            return
        self.log.append(("named", path, place, text, stage, attribute))
        self._told_to.on_load(path, place, text, stage, attribute)

    # Classes

    def _use(self, path: str, name: str, stage: Stage, how: How, *, is_made: bool = False) -> None:
        """Note that a class is used; one that is made runs its constructor."""
        if is_made:
            for special in sorted(_CONSTRUCTORS):
                for found in self._method(path, name, special):
                    self.run(found.path, found.name, stage, how)
        if (path, name) in self._used:
            return
        self._used.add((path, name))
        is_given, only = False, self._called_alone(path, name)
        for above in self._family(path, name)[1:]:
            self._derived.setdefault(above, []).append((path, name))
        for inner_path, inner in self._family(path, name):
            bases = self._file(inner_path).bases(inner)
            known = [one for base in bases for one in self._resolve(base, inner_path)]
            is_given |= any(one.kind == "external" and self._calls_methods(one.name) for one in known)
        for inner_path, inner in self._family(path, name):
            for method in self._file(inner_path).answer("methods", inner):
                last = method.rpartition(".")[2]
                self._members.setdefault(last, []).append(Call(inner_path, method, how))
                if (
                    (is_given and last.startswith(only))
                    or last in self._asked
                    or (last.startswith("__") and last not in ("__init__", "__new__"))
                ):
                    self.run(inner_path, method, stage if is_given and last in STARTING_METHODS else "serving", how)
        for inner_path, inner in self._family(path, name)[1:]:
            for method in self._file(inner_path).answer("methods", inner):
                ran, member = self._ran.get((inner_path, method)), method.rpartition(".")[2]
                if ran is not None and member not in _CONSTRUCTORS:
                    for found in self._method(path, name, member):
                        self.run(found.path, found.name, max(ran[1], stage, key=_STAGES.index), how)

    def _give(self, path: str, name: str, how: How) -> None:
        """Note that somebody else's code is given a class: what it returns may be an instance of it."""
        for inner_path, inner in self._family(path, name):
            for method in self._file(inner_path).answer("methods", inner):
                last = method.rpartition(".")[2]
                self._given_members.setdefault(last, []).append(Call(inner_path, method, how))
                if last in self._asked_of_others:
                    self.run(inner_path, method, "serving", how)

    def _ask_others(self, term: str) -> None:
        """Note that a member of what somebody else's code returns is called: a class that it was given may have it."""
        member = term.rpartition(".")[2]
        if term.startswith(("importlib.import_module()", "importlib.reload()")):
            self._asked_of_modules.add(member)
            self._ask_modules(member)
        elif term.rpartition("()")[2].count(".") > 1:  # what code has put there: `request.app.state.engine.answer`
            self._ask(member)
        elif not is_standard(term) and member not in self._asked_of_others:
            self._asked_of_others.add(member)
            for call in self._given_members.get(member, ()):
                self.run(call.path, call.name, "serving", call.how)

    def _ask_modules(self, member: str, only: str = "") -> None:
        """Run a function of modules that are loaded by a computed name, or stand for something else: any may be meant."""
        for path in [only] if only else list(self._by_name):
            for known in self._own(path, [member], 0):
                if known.kind == "function":
                    self.run(path, known.name, "serving", How())
                elif known.kind == "class":
                    self._use(known.path, known.name, "serving", How(), is_made=True)

    def _calls_methods(self, base: str) -> bool:
        """Return whether somebody else's class calls methods of those below it in this process."""
        if is_passive_base(base):
            return False
        is_idle = is_queue(base) and self._serves == "schedule"
        return not (is_idle or (is_web(base) and self._serves in _ANSWERING_NONE))

    def _expose(self, path: str, name: str, how: How) -> None:
        """Let all methods of a class be called, of which somebody else is given an instance."""
        self._use(path, name, "serving", how)
        only = self._called_alone(path, name)
        for inner_path, inner in self._family(path, name):
            for method in self._file(inner_path).answer("methods", inner):
                if method.rpartition(".")[2].startswith(only):
                    self.run(inner_path, method, "serving", how)

    def _called_alone(self, path: str, name: str) -> tuple[str, ...]:
        """Return how the methods begin that somebody else's class calls of one below it: anyhow, where nothing tells."""
        bases = (self._plain(base, one[0]) for one in self._family(path, name) for base in self._file(one[0]).bases(one[1]))
        known = (_CALLED_ALONE.get(base.rpartition(".")[2]) for base in bases)
        return next(filter(None, known), ("",))

    def _ask(self, member: str) -> None:
        """Note that a member of something unknown is called: any class that is used may have it."""
        if member in self._asked:
            return
        self._asked.add(member)
        self._ask_modules(member)
        for call in self._members.get(member, ()):
            self.run(call.path, call.name, "serving", call.how)

    def _method(self, path: str, name: str, member: str) -> Iterator[Known]:
        """Yield the method of a class of that name, also an inherited one."""
        for inner_path, inner in self._family(path, name):
            if self._file(inner_path).is_body(f"{inner}.{member}"):
                yield Known("function", inner_path, f"{inner}.{member}")
                return

    def _family(self, path: str, name: str) -> list[tuple[str, str]]:
        """Return a class and those of the project that it inherits from."""
        known = self._families.get((path, name))
        if known is not None:
            return known
        found = self._families[path, name] = []
        waiting = [(path, name)]
        while waiting:
            if len(found) >= MAX_FAMILY:
                self.beyond.setdefault(path, f"a class inherits from more than {MAX_FAMILY} others: not all are followed")
                break
            here = waiting.pop(0)
            if here in found:
                continue
            found.append(here)
            for base in self._file(here[0]).bases(here[1]):
                waiting += [(one.path, one.name) for one in self._resolve(base, here[0]) if one.kind == "class"]
        return found

    # Terms

    def _file(self, path: str) -> _File:
        known = self._files.get(path)
        if known is None:
            module = self._names.get(path) or self._resolver.module_of(path)
            if len(self._files) >= MAX_OPEN:
                self._files.clear()
            asked = self._questions.setdefault(path, {})
            known = self._files[path] = _File(self._sources.functions(path), module, asked)
        return known

    def _resolve(self, term: str, path: str, steps: int = 0) -> list[Known]:
        """Return what a term of a file may stand for."""
        if not term:
            return []
        if steps > MAX_STEPS:
            self.beyond.setdefault(path, f"a name of it stands for another more than {MAX_STEPS} times: it is not followed")
            return []
        known = self._known.get((path, term))
        if known is None:
            self._known[path, term] = []  # of files that take all names of each other
            known = self._find(term, path, steps)
            self._known[path, term] = known
        return known

    def _find(self, term: str, path: str, steps: int) -> list[Known]:
        if term.startswith("?"):
            return [Known("unknown", name=term.replace("()", "").lstrip("?.").partition(".")[0])]
        if term.startswith(":"):
            return self._own(path, _split(term[1:]), steps)
        parts = _split(term.lstrip("."))
        level = len(term) - len(term.lstrip("."))
        count = next((number for number, part in enumerate(parts) if part in ("()", "[]")), len(parts))
        base = absolute(".".join(parts[:count]), level, self._file(path).module, is_package=path.endswith("/__init__.py"))
        if not base:
            return []
        names = base.split(".")
        for length in range(len(names), 0, -1):
            inner = ".".join(names[:length])
            if self._resolver.is_whole(inner):
                rest = [*names[length:], *parts[count:]]
                file = self._resolver.files(inner)[-1]
                return self._own(file, rest, steps + 1) if rest else [Known("module", file)]
        return [Known("external", name=_join([*names, *parts[count:]]))]

    def _own(self, path: str, parts: list[str], steps: int) -> list[Known]:
        """Return what dotted parts of a file's own names stand for."""
        file = self._file(path)
        for length in range(len(parts), 0, -1):
            name = ".".join(parts[:length])
            rest = parts[length:]
            is_body, bases, term = file.name(name)
            if is_body:
                return self._result(path, name, rest, steps)
            if bases is not None:
                return self._member(path, name, rest, steps)
            if term is not None and _is_of_itself(term, f":{name}"):
                return [Known("unknown", name=part) for part in rest if part not in ("()", "[]")][:1]
            if term is not None:
                found = self._resolve(_join([term, *rest]), path, steps + 1) if term else _of_table(rest)
                other = file.name(f"{name}{OTHERWISE}")[2] if _is_absent(found) else None
                is_taken = other is not None and (term.startswith(".") or other.lstrip(".") == term)
                return self._resolve(_join([other, *rest]), path, steps + 1) if other and is_taken else found
        if parts and parts[0].endswith("*"):
            names = (name for name in file.answer("functions", "") if name.startswith(parts[0][:-1]))
            return [Known("function", path, name, _join(parts[1:])) for name in names]
        if parts and file.is_body("__getattr__"):
            return self._ask_module(path, parts, steps)
        for star in self._stars(path):
            self._starred += 1
            if self._starred > MAX_STARRED:
                if self._starred == MAX_STARRED + 1:
                    self.beyond.setdefault(path, f"more than {MAX_STARRED} names are looked for behind `import *`, not all")
                break
            plain = self._star_files.get((path, star))
            term = f":{_join(parts)}" if plain else _join([star, *parts])
            found = self._resolve(term, plain or path, steps + 1)
            if found and found[0].kind != "external":
                return found
        return [Known("external", name=_join(parts))]

    def _stars(self, path: str) -> tuple[str, ...]:
        """Return the modules of the project of which a file imports all names, each once."""
        known = self._known_stars.get(path)
        if known is None:
            found = dict.fromkeys(one.removesuffix(".") for one in self._file(path).answer("stars", ""))
            ours = [one for one in found if not one or self._is_there(path, one)]
            if len(ours) > MAX_STARS:
                self.beyond.setdefault(
                    path, f"all names of more than {MAX_STARS} modules are imported: not all are looked into"
                )
            known = self._known_stars[path] = tuple(ours[:MAX_STARS])
            for star in known:
                modules = [one.path for one in self._resolve(star, path) if one.kind == "module"]
                if modules and not modules[0].endswith("__init__.py"):
                    self._star_files[path, star] = modules[0]
        return known

    def _is_there(self, path: str, star: str) -> bool:
        """Return whether the project has a module that a file takes all names of: one that is absent gives none."""
        name = star.lstrip(".")
        level = len(star) - len(name)
        if not level:
            return bool(self._resolver.files(star))
        base = absolute(name, level, self._file(path).module, is_package=path.endswith("/__init__.py"))
        return not base or self._resolver.is_whole(base)

    def _ask_module(self, path: str, parts: list[str], steps: int) -> list[Known]:
        """Return what a module gives that is asked for a name which it does not have: `__getattr__` runs."""
        file, name = self._file(path), parts[0]
        tables = file.answer("lazy", name)
        for text in tables:
            level = len(text) - len(text.lstrip("."))
            is_package = path.endswith("/__init__.py")
            below = absolute(text.lstrip("."), level or 1, file.module, is_package=is_package) if file.module else None
            for module in dict.fromkeys(("" if level else text, below or "")):
                if module and self._resolver.is_whole(module):
                    self._lazy[path, module, ""] = None
                    return self._resolve(_join([module, *parts]), path, steps + 1)
        ways = [way.name for one in file.answer("choices", "__getattr__") for way in one.ways if repr(name) in way.test]
        for way in filter(None, ways) if ways or tables else ["__getattr__"]:
            self._lazy[path, "", way] = None
        members = [part for part in parts[1:] if part not in ("()", "[]")]
        return [Known("unknown", name=members[0])] if members else []

    def _load_lazy(self, place: int, number: int, stage: Stage) -> None:
        """Load what modules have looked up because a body asked them for a name."""
        while self._lazy:
            path, module, way = next(iter(self._lazy))
            del self._lazy[path, module, way]
            if module:
                self._load_named(self.calls[number].path, place, module, stage, "")
            else:
                self.run(path, way, stage, self._how(number, place))

    def _result(self, path: str, name: str, rest: list[str], steps: int) -> list[Known]:
        """Return what of a function is asked for: what it returns, where it is called."""
        if not rest or rest[0] != "()":
            return [Known("function", path, name, _join(rest)), *_of_table(rest)]
        term = self._file(path).answer("returned", name)
        if term is not None and term not in ("", "?"):
            return self._resolve(_join([term, *rest[1:]]), path, steps + 1)
        members = [part for part in rest if part not in ("()", "[]")]
        return [Known("unknown", name=members[0])] if members else []

    def _member(self, path: str, name: str, rest: list[str], steps: int) -> list[Known]:
        """Return what of a class or of an instance is asked for."""
        is_instance = bool(rest) and rest[0] == "()"
        members = rest[1:] if is_instance else rest
        if not members:
            return [Known("instance" if is_instance else "class", path, name)]
        if members[0] == "super" and members[1:2] == ["()"] and len(members) > 2:
            for inner_path, inner in self._family(path, name)[1:]:
                if self._file(inner_path).is_body(f"{inner}.{members[2]}"):
                    return self._result(inner_path, f"{inner}.{members[2]}", members[3:], steps)
            return []
        if members[0].endswith("*"):
            return self._beginning(path, name, members)
        if members[0] in ("()", "[]"):  # an instance that is called
            return [*self._method(path, name, "__call__"), *self._method(path, name, "__getitem__")]
        for found in self._method(path, name, members[0]):
            like_it = [Known("unknown", name=members[0])] if self._is_protocol(found) else []
            is_own = is_instance or (found.path, found.name) == (path, f"{name}.{members[0]}")
            made = [] if is_own else [Known("class", path, name)]  # by what it inherits: `Model.instance()`
            return [*self._result(found.path, found.name, members[1:], steps), *like_it, *made]
        found_external: list[Known] = []
        if is_instance and members[0] == "start" and self._called_alone(path, name) == ("run",):
            return list(self._method(path, name, "run"))
        for inner_path, inner in self._family(path, name):
            _, _, bound = self._file(inner_path).name(f"{inner}.{members[0]}")
            if bound and not _is_of_itself(bound, f":{inner}().{members[0]}"):
                return self._resolve(_join([bound, *members[1:]]), inner_path, steps + 1)
            for base in self._file(inner_path).bases(inner):
                known = self._resolve(base, inner_path, steps + 1)
                found_external += [one._replace(name=_join([one.name, *rest])) for one in known if one.kind == "external"]
        used = [] if is_instance else [Known("class", path, name, _join(members))]
        return [*used, *(found_external or [Known("unknown", name=members[0])])]

    def _beginning(self, path: str, name: str, members: list[str]) -> list[Known]:
        """Return the methods of a class whose names begin so: `getattr(self, f"on_{kind}")`."""
        found: list[Known] = []
        for inner_path, inner in self._family(path, name):
            for method in self._file(inner_path).answer("methods", inner):
                last = method.rpartition(".")[2]
                if last.startswith(members[0][:-1]) and not last.startswith("__"):
                    found.append(Known("function", inner_path, method, _join(members[1:])))
        return found

    def _is_protocol(self, method: Known) -> bool:
        """Return whether a method only says what classes have that need not inherit from its own."""
        bases = self._file(method.path).bases(method.name.rpartition(".")[0])
        return any(base.rpartition(".")[2].lstrip(":") in ("Protocol", "Protocol[]") for base in bases)


def _split(term: str) -> list[str]:
    """Return the parts of a term, with calls and items as parts of their own."""
    if "(" not in term and "[" not in term:
        return [part for part in term.split(".") if part]
    return [part for part in term.replace("()", ".().").replace("[]", ".[].").split(".") if part]


def _join(parts: list[str]) -> str:
    """Return the term of parts."""
    return ".".join(part for part in parts if part).replace(".()", "()").replace(".[]", "[]")


def _is_of_itself(term: str, name: str) -> bool:
    """Return whether a name stands for what is made of it: `self.rows = self.rows.sorted()` tells nothing of `self.rows`."""
    return term.startswith(name) and term[len(name) : len(name) + 1] in (".", "(", "[")


def _of_table(rest: list[str]) -> list[Known]:
    """Return what is asked of an item of a table or of a plain value: `BACKENDS[name]().run`."""
    is_looked_up = rest[:1] == ["[]"] or rest[:1] in (["get"], ["pop"])
    members = [part for part in rest[1:] if part not in ("()", "[]")]
    return [Known("unknown", name=members[0])] if is_looked_up and members else []
