"""Templates: what is the same in many messages.

Most of what differs is masked by its form: numbers, identifiers, quoted text, and values behind `=`. Words that differ are
found as they come: where five templates are the same but for one word, that word is a variable. Beyond half of the
templates that are kept, a message joins the most similar one, as Drain does (He et al., ICWS 2017).
"""

from __future__ import annotations

import re
from collections import Counter

from memguard_hooks.logs import secrets

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ANY = "<*>"
MAX_TEMPLATES = 2000
VARIANTS, FREE_VARIANTS = 5, 3
"""Templates that differ in one word, from which on the word is a variable: fewer are as likely verbs of the code, but for
a word behind a preposition, or one of which a part is masked."""
HEAD = 3
"""Words up to a colon, from which on what follows it may be any text, such as that of an exception: what stands before it
is then rather a sentence of the code than the name of a component."""
SIMILAR = 0.5
MAX_COVERING, MAX_COMPARED, MAX_VALUE = 50, 5_000, 3
"""Templates with the same first word that others are compared with, comparisons, and words that one variable stands for."""
MAX_WORDS = 40
CUT_WORDS = 24
"""Words of a message that is cut off, and that ends elsewhere where what is put in is longer."""
MAX_SEEN, MAX_KNOWN = 2_000, 20_000
"""Messages but for their digits, and masked messages, whose template is remembered."""
MAX_LETTERS = 400
"""Letters of a message by which its template is told."""

_METHODS = "GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS"
_QUOTED = re.compile(
    rf'"(?:(?P<method>{_METHODS}) (?P<probe>/(?:health\w*|ready|readyz|live|livez|ping)(?=[ ?"]))?)?[^"]*"'
    r"|(?<!\w)'[^']*'(?!\w)"
)
"""Quoted text; of a request the method stays, and the path of a probe, which says that nothing happened."""
_URL = re.compile(r"\b[A-Za-z][\w+.-]*://[^\s\"'<>)\]}]+")
_UNIT = re.compile(r"<\*> (?:[KMGT]i?B|B|ms|s|secs?|seconds?|minutes?|hours?)\b")
_DOTTED = re.compile(
    r"(?<![\w./<-])(?:(?<=[\s\[])[A-Za-z_]|(?:com|org|net|io|android|java)(?=\.))[\w-]*(?:\.[A-Za-z_][\w-]*){2,}(?!\()"
)
_PAYLOAD = re.compile(r"\{(?=[^{}]*:)[^{}]*\}|\{\}|\[(?=[^\[\]]*[,'\"])[^\[\]]*\]|\[\]")
_VALUE = re.compile(r"=[^\s,;)\]}&]+")
_WORDS = re.compile(r"=<\*>(?: [A-Za-z]+){1,2}(?=,? [\w.-]+=|[\])}])")
"""A value of a few words, up to the next key or the end of a bracket."""
_PATH = re.compile("".join(f"(?<!{method} )" for method in _METHODS.split("|")) + r"(?<![\w/<>:])(?:/[\w.@~+%$=*-]+){2,}/?")
_FILE = re.compile(r"(?<![\w./<>:-])(?:[\w-]+/)+[\w-]+\.[A-Za-z]\w{1,4}\b(?!/)")
"""A path that begins at the working folder, of a file with an extension."""
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_DATE = re.compile(rf"\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? )?(?:{_MONTH} +\d+|\d+[ /-]{_MONTH})\b")
_NUMBER = re.compile(r"(?<![\w-])[\w-]*\d\w*(?:[.-]\w+|[:,]+\w*\d\w*|:[\dA-Fa-f]{2}\b)*%?")
_HOST = re.compile(r"(?<![\w./<-])(?:[\w-]+\.)+[A-Za-z]{2,}(?=:\d)")
_RUN = re.compile(r"<\*>(?:(?:[\s/,.]+|:)<\*>)+")
"""Masked words in a row, of which another message may have more."""
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_TOKEN = re.compile(r"[^\s(\uff1a]*\([^()=:]*\)\S*|[^\s\uff1a]+\uff1a?|\uff1a")
"""A word; what stands in parentheses is one, for it is as likely a value of several words."""
_TAIL = re.compile(r"[,.;:]*$")
_DIGITS = str.maketrans("0123456789", "\0" * 10)
"""No mask asks which digit stands somewhere: messages that differ in digits alone have one template, if none is left."""
_PART = re.compile(r"[^=:]*[^=:<]<\*>|<\*>[^=:]*[^=:,.;)\]}>]")
"""A word of which a part is masked, and that does not name its value."""
_WHY = re.compile(r"(?:errors?|exception|reason|failed|failure|because|result|response):$", re.IGNORECASE)
"""Words before a colon that a text of somebody else follows, such as that of an exception."""
_FREE = re.compile(r"(?:for|from|by|in|at|of|on|to|with|as|user(?:name)?|host|file|named?|id)[:=]?", re.IGNORECASE)
"""Words before a word that is rather a value than a verb of the code."""


def mask(message: str) -> str:
    """Return a message whose numbers, identifiers, paths, quoted text and values are masked."""
    if "://" in message:
        message = _URL.sub(ANY, message)
    if "{" in message or "[" in message:
        message, nested = _PAYLOAD.subn(ANY, message)
        if nested:
            message = _PAYLOAD.sub(ANY, message)
    if '"' in message or "'" in message:
        message = _QUOTED.sub(_mask_quoted, message)
    if "=" in message:
        message = _WORDS.sub("=<*>", _VALUE.sub("=<*>", message))
    if message.count("/") > 1:
        message = _PATH.sub(ANY, message)
    dots = message.count(".")
    if dots and "/" in message:
        message = _FILE.sub(ANY, message)
    if ":" in message:
        message = _DATE.sub(ANY, message)
        if dots:
            message = _HOST.sub(ANY, message)
    if dots > 1:
        message = _DOTTED.sub(ANY, message)
    message = _NUMBER.sub(ANY, message)
    if "<*> " in message:
        message = _UNIT.sub(ANY, message)
    if "(" in message:
        message = message.replace(" bytes (<*>)", " bytes").replace(" ()", " (<*>)")
    return _RUN.sub(ANY, message) if message.count(ANY) > 1 else message


def _hide(logger: str, message: str) -> str:
    """Return a message without its secrets, also one of which the name, as in `password: x`, was taken for the logger."""
    whole = f"{logger}: {message}"
    hidden = secrets.hide(whole)
    return hidden.removeprefix(f"{logger}: ") if hidden.startswith(f"{logger}: ") else hidden


def _mask_quoted(found: re.Match[str]) -> str:
    head = " ".join(part for part in (found["method"], found["probe"]) if part)
    return f'"{head} <*>"' if head else '"<*>"'


def _kin(logger: str, level: str, words: tuple[str, ...]) -> tuple[str, str, int, str]:
    """Return what similar templates share: the number of words, and the first."""
    return logger, level, len(words), words[0] if words else ""


def _wider(words: tuple[str, ...], index: int, length: int = 1) -> tuple[str, ...]:
    """Return words with a variable in place of some, which keeps the punctuation behind them."""
    last = words[index + length - 1]
    tail = _TAIL.search(last if "(" in last or "[" in last else last.rstrip(")]}"))
    behind = last[tail.start() :] if tail is not None else ""
    return (*words[:index], ANY + behind, *words[index + length :])


def _first(words: tuple[str, ...]) -> int:
    """Return the first word that may be a variable: the very first where enough fixed text follows it."""
    return 0 if _count(words[1:]) >= HEAD else 1


def _count(words: tuple[str, ...]) -> int:
    """Return how many words are fixed; text of a script that puts no blanks between words counts two letters for one."""
    return sum(1 if word.isascii() else 1 + len(_UNSPACED.findall(word)) // 2 for word in words if ANY not in word)


def _heads(words: tuple[str, ...]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield what stands before any text, behind a colon or as a value, the longest first, and where the text begins."""
    plain = [_count((word,)) if word[-1] not in ":|" else 0 for word in words]
    for index in range(len(words) - 2, 0, -1):
        if words[index].endswith("=<*>"):
            if sum(plain[:index]) >= HEAD:
                yield index + 1, words[: index + 1]
        elif (
            words[index][-1] in ":\uff1a"
            and len(words[index]) > 1
            and sum(plain[:index]) + max(0, _count((words[index],)) - 1) >= (1 if _WHY.match(words[index]) else HEAD - 1)
        ):
            yield index + 1, (*words[: index + 1], ANY)


def _covers(words: tuple[str, ...], others: tuple[str, ...]) -> bool:
    """Return whether words are the same as others, but for variables; the last one is any text behind a colon."""
    is_open = len(words) > HEAD and words[-1] == ANY and words[-2][-1] in ":\uff1a" and len(words[-2]) > 1
    if not 0 <= len(others) - len(words) <= (MAX_WORDS if is_open else MAX_VALUE):
        return False
    ends = {0}
    for word in words[:-1] if is_open else words:
        if word[: len(ANY)] == ANY:
            tail = word[len(ANY) :]
            reached = {(end, end + count) for end in ends for count in range(1, MAX_VALUE + 1)}
            ends = {
                end
                for start, end in reached
                if end <= len(others)
                and others[end - 1].endswith(tail)
                and (end == start + 1 or not any(ANY in one for one in others[start:end]))
            }
        elif word[-len(ANY) - 1 :] == f"={ANY}":
            ends = {
                end
                for start in ends
                if others[start : start + 1] == (word,)
                for end in range(start + 1, start + MAX_VALUE + 1)
                if end <= len(others) and not any("=" in one or ANY in one for one in others[start + 1 : end])
            }
        else:
            ends = {end + 1 for end in ends if end < len(others) and others[end] == word}
        if not ends:
            return False
    return min(ends) < len(others) if is_open else len(others) in ends


def _is_text(wider: tuple[str, ...], variants: list[tuple[str, ...]]) -> bool:
    """Return whether what is fixed in a template is the text of the code, and each of its variables takes many values."""
    free = [index for index, word in enumerate(wider) if len({words[index] for words in variants}) > 1]
    fixed = _count(wider)
    return fixed >= max(HEAD - 1, 2 * len(free)) and all(
        len({words[index] for words in variants}) >= FREE_VARIANTS for index in free
    )


class Template:
    """One template, and how many lines and events it has. `varies` is set where it was made of some that differ."""

    __slots__ = (
        *("bytes", "events", "example", "joined", "level", "lines", "logger", "looked", "quiet", "secrets", "varies"),
        "words",
    )

    def __init__(self, logger: str, level: str, words: tuple[str, ...], example: str) -> None:
        self.logger = logger
        self.level = level
        self.words = words
        self.example = example
        self.joined: Template | None = None
        self.varies = False
        self.events = self.lines = self.bytes = self.looked = self.quiet = 0
        self.secrets: dict[str, int] = {}

    @property
    def text(self) -> str:
        """The template as one line."""
        return " ".join(self.words)

    def add(self, other: Template) -> None:
        """Count what another has counted."""
        self.events += other.events
        self.lines += other.lines
        self.bytes += other.bytes
        self.looked += other.looked
        self.quiet += other.quiet
        for kind, count in other.secrets.items():
            self.secrets[kind] = self.secrets.get(kind, 0) + count


class Templates:
    """The templates of one log, at most `MAX_TEMPLATES` and one for all that is left."""

    def __init__(self) -> None:
        self.rest = Template("", "none", ("(other", "messages)"), "")
        self._all: dict[tuple[str, str, tuple[str, ...]], Template] = {}
        self._seen: dict[tuple[str, str, str], Template] = {}
        self._known: dict[tuple[str, str, str], Template] = {}
        self._variants: dict[tuple[str, str, tuple[str, ...]], list[Template]] = {}
        self._alike: dict[tuple[str, str, int, str], list[Template]] = {}

    def __iter__(self) -> Iterator[Template]:
        self.settle()
        yield from self._all.values()
        if self.rest.events:
            yield self.rest

    def settle(self) -> None:
        """Join what came before the template that has a variable in its place."""
        for template in [one for one in self._all.values() if not one.varies]:
            logger, level, words = key = template.logger, template.level, template.words
            found = self._find_variable(logger, level, words)
            if found is not None and found is not template and self._all.get(key) is template:
                del self._all[key]
                self._alike[_kin(*key)].remove(template)
                found.add(template)
                template.joined = found
        self._settle_frequent(lambda template: template.words)
        self._settle_frequent(lambda template: next((head for _, head in _heads(template.words)), ()))
        self._settle_covered()

    def _settle_frequent(self, shape: Callable[[Template], tuple[str, ...]]) -> None:
        """Join templates that share at each place the words that many have there, and differ in several other ones.

        Words that are frequent at their place are the text of the code, as in LogCluster (Vaarandi and Pihelgas, CNSM 2015).
        """
        kin: dict[tuple[str, str, int], list[tuple[tuple[str, ...], Template]]] = {}
        for template in self._all.values():
            words = shape(template)
            if len(words) > HEAD and not template.varies:
                kin.setdefault((template.logger, template.level, len(words)), []).append((words, template))
        for (logger, level, _), alike in kin.items():
            if len(alike) < VARIANTS:
                continue
            frequent = Counter(pair for words, _ in alike for pair in enumerate(words))
            likely: dict[tuple[str, ...], list[tuple[tuple[str, ...], Template]]] = {}
            for words, template in alike:
                wider = words
                for index, word in enumerate(words):
                    if frequent[index, word] < VARIANTS:
                        wider = _wider(wider, index)
                likely.setdefault(wider, []).append((words, template))
            for wider, all_variants in likely.items():
                variants = [(words, template) for words, template in all_variants if template.joined is None]
                if len(variants) >= VARIANTS and _is_text(wider, [words for words, _ in variants]):
                    self._unite((logger, level, wider), [template for _, template in variants])

    def _settle_covered(self) -> None:
        """Join templates that another covers, whose variables stand for words or for up to `MAX_VALUE` of them."""
        covering: dict[tuple[str, str, str], list[tuple[frozenset[str], Template]]] = {}
        compared = 0
        for template in sorted(self._all.values(), key=lambda one: (-one.lines, one.words)):
            first = template.words[0] if template.words else ""
            keys = ((template.logger, template.level, key) for key in dict.fromkeys((first, ANY)))
            present = set(template.words)
            near = [one for key in keys for fixed, one in covering.get(key, ()) if fixed <= present]
            near = near[: max(0, MAX_COMPARED - compared)]
            compared += len(near)
            found = next((one for one in near if _covers(one.words, template.words)), None)
            if found is not None:
                del self._all[template.logger, template.level, template.words]
                self._alike[_kin(template.logger, template.level, template.words)].remove(template)
                found.add(template)
                template.joined = found
            elif (template.varies or template.text.endswith(f"={ANY}")) and sum(
                ANY not in word for word in template.words
            ) >= HEAD - 1:
                alike = covering.setdefault((template.logger, template.level, ANY if ANY in first else first), [])
                if len(alike) < MAX_COVERING:
                    alike.append((frozenset(word for word in template.words if word[: len(ANY)] != ANY), template))

    def find(self, logger: str, level: str, message: str) -> Template:
        """Return the template of a message."""
        message = message[:MAX_LETTERS]
        key = (logger, level, message.translate(_DIGITS))
        found = self._seen.get(key)
        if found is None:
            masked = mask(message)
            found = self._find_masked(logger, level, message, masked)
            if masked == masked.translate(_DIGITS):
                if len(self._seen) >= MAX_SEEN:
                    self._seen.clear()
                self._seen[key] = found
        while found.joined is not None:
            found = found.joined
        return found

    def _find_masked(self, logger: str, level: str, message: str, masked: str) -> Template:
        key = (logger, level, masked)
        found = self._known.get(key)
        if found is None:
            shown = _hide(logger, message)
            kept = MAX_WORDS if len(message) < MAX_LETTERS else CUT_WORDS
            found = self._find_words(logger, level, tuple(_TOKEN.findall(mask(shown))[:kept]), shown)
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[key] = found
        return found

    def _find_words(self, logger: str, level: str, words: tuple[str, ...], example: str) -> Template:
        found = self._all.get((logger, level, words)) or self._find_variable(logger, level, words)
        if found is None and len(self._all) >= MAX_TEMPLATES // 2:
            found = self._find_similar(logger, level, words)
        if found is None and len(self._all) >= MAX_TEMPLATES:
            return self.rest
        return found or self._make(logger, level, words, example)

    def _find_variable(self, logger: str, level: str, words: tuple[str, ...]) -> Template | None:
        """Return the template that has a variable where the words have one of its values."""
        for index in range(_first(words), len(words)):
            found = self._all.get((logger, level, _wider(words, index)))
            if found is not None:
                found.varies = found.varies or ANY not in words[index]
                return found
        for index in range(1, len(words) - 1):
            found = self._all.get((logger, level, _wider(words, index, 2)))
            if found is not None and found.varies:
                return found
        found_heads = (self._all.get((logger, level, head)) for _, head in _heads(words))
        return next((one for one in found_heads if one is not None and one.varies), None)

    def _find_similar(self, logger: str, level: str, words: tuple[str, ...]) -> Template | None:
        best, same = None, SIMILAR * len(words)
        for template in self._alike.get(_kin(logger, level, words), ())[:100]:
            equal = sum(map(str.__eq__, template.words, words))
            if equal >= same:
                best, same = template, equal + 1
        return best

    def _make(self, logger: str, level: str, words: tuple[str, ...], example: str) -> Template:
        return self._enter(Template(logger, level, words, example))

    def _enter(self, made: Template) -> Template:
        """Keep a template, and return what it has become: where others differ from it in one word, they are one."""
        logger, level, words = made.logger, made.level, made.words
        self._all[logger, level, words] = made
        self._alike.setdefault(_kin(logger, level, words), []).append(made)
        if len(self._variants) > MAX_KNOWN:
            self._variants.clear()
        for index in range(_first(words), len(words)):
            wider = (logger, level, _wider(words, index))
            if wider[2] == words:
                if wider in self._variants:
                    return self._join(wider, [*self._variants[wider], made])
                continue
            is_part = ANY in words[index]
            if is_part and not _PART.fullmatch(words[index]):
                continue
            variants = self._variants.setdefault(wider, [])
            variants.append(made)
            is_free = is_part or (index and _FREE.fullmatch(words[index - 1]))
            if len(variants) >= (VARIANTS + 1 if len(words) < 3 else FREE_VARIANTS if is_free else VARIANTS):
                return self._join(wider, variants)
        for start, head in _heads(words):
            wider = (logger, level, head)
            variants = self._variants.setdefault(wider, [])
            if head != words and variants[-1:] != [made]:
                variants.append(made)
            if len(variants) >= VARIANTS and len({one.words[start : start + 1] for one in variants}) >= FREE_VARIANTS:
                return self._join(wider, variants)
        return made

    def _join(self, wider: tuple[str, str, tuple[str, ...]], variants: list[Template]) -> Template:
        """Make one template of those that differ in one word."""
        del self._variants[wider]
        return self._unite(wider, variants)

    def _unite(self, wider: tuple[str, str, tuple[str, ...]], variants: list[Template]) -> Template:
        """Make one template of some."""
        parts = [template for template in dict.fromkeys(variants) if template.joined is None]
        logger, level, words = wider
        for template in parts:
            del self._all[logger, level, template.words]
            self._alike[_kin(logger, level, template.words)].remove(template)
        known = self._all.get(wider)
        made = known or Template(logger, level, words, parts[0].example)
        made.varies = True
        for template in parts:
            made.add(template)
            template.joined = made
        return made if known is not None else self._enter(made)
