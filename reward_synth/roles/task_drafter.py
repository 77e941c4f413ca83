"""Turns a goal in words into its environment and the measures that will score it."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, Self

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.names import RoleName
from reward_synth.core.types import Finding
from reward_synth.llm.base import Message, Model, Reply, Request
from reward_synth.reward.probe_rules import PROBE
from reward_synth.reward.source import parse_python
from reward_synth.roles.ask import Answer, Unparseable, ask, ask_many
from reward_synth.roles.brief import Exchange, as_text
from reward_synth.roles.form_answers import NOTHING, agreed, parse_form
from reward_synth.roles.form_reward import form_reward
from reward_synth.roles.lenient_json import extract_json
from reward_synth.roles.measure_form import LASTS, Form, Quantity
from reward_synth.roles.parsing import ParseError, blocks, clean
from reward_synth.roles.prompts import Prompts
from reward_synth.roles.registry import register
from reward_synth.roles.statements import Statement, statements
from reward_synth.settings.model import Settings

DRAFTS = 3
"""The largest number of drafts: the first one and its corrections."""
LONGEST_EXPLANATION = 1500
LONGEST_UNIT = 40
"""In characters. All prompts of a search repeat it."""
_FORM_TEMPERATURES = (0.2, 0.6, 0.6, 0.6)
"""Temperatures of the parallel forms of a small model: it means what it says in most of them."""
_LABELLED = re.compile(
    r"^[ \t>*`-]*(?P<key>success|fitness|fitness[_ ]unit|unit|explanation)"
    r"[ \t*`]*[:=][ \t*`]*(?P<value>[^\n]+?)[ \t`]*$",
    re.MULTILINE | re.IGNORECASE,
)


@dataclass(frozen=True)
class GoalBrief:
    """The input of a drafter about a goal and its environment; the templates use these names."""

    goal: str
    stub: str
    """The full stub, or the short one for a small model."""
    environment: str
    horizon: int
    """The longest episode, in steps."""
    dt: float
    """Seconds per step."""
    training: str = ""
    """Who will learn the goal, and for how long, in a sentence or two."""


@dataclass(frozen=True)
class Measures:
    """A model's answer: success and fitness for a goal without a task spec."""

    success: str
    """Expression over ``episode``, or a function ``success(episode)``."""
    fitness: str
    fitness_unit: str
    explanation: str
    """The meaning of success in a sentence, for the person and for the models that write or judge rewards, or empty."""
    horizon: int | None = None
    """Steps per episode that the goal needs, if the model gave them."""
    observes: tuple[str, ...] = ()
    """What a policy must see besides the observation: see :mod:`reward_synth.state.more_seen`."""


@dataclass(frozen=True)
class Drafted(Measures):
    """The last draft. The person sees it, and then it is frozen."""

    exchanges: tuple[Exchange, ...] = ()
    findings: tuple[Finding, ...] = ()
    """The remaining findings; sound measures have no error among them."""
    reward: str = ""
    """A first reward that follows from a small model's form."""

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The remaining errors."""
        return _errors(self.findings)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The remaining warnings, which may have a good reason."""
        return tuple(finding for finding in self.findings if finding.severity != "error")


MeasureCheck = Callable[[Measures], tuple[Finding, ...]]
"""Returns the findings on a draft; errors go back to the model."""


@register
class TaskDrafter:
    """Asks a model what a goal means."""

    role: ClassVar[RoleName] = "task_drafter"

    def __init__(self, model: Model, prompts: Prompts) -> None:
        self.model = model
        self.prompts = prompts

    @classmethod
    def opened(cls, model: Model, prompts: Prompts, settings: Settings) -> Self:
        """See :class:`~reward_synth.roles.registry.Role`."""
        return cls(model, prompts)

    @property
    def _folder(self) -> str:
        return "small" if self.model.small else "full"

    def choose_environment(self, goal: str, environments: Mapping[str, str]) -> tuple[str, Exchange]:
        """The id of the environment that fits the goal.

        :param environments: id → one-line description.
        :raises RewardSynthError: there is nothing to choose from, or no answer names one.
        """
        if not environments:
            raise RewardSynthError("no environment is installed", "install gymnasium[mujoco]")
        if self.model.small:
            environments = _named(goal, environments) or environments
        values = {"goal": goal, "environments": dict(environments)}
        prompt = self.prompts.render(f"goal/{self._folder}/choose_environment.md.j2", **values)
        request = Request(
            messages=(Message(role="user", content=prompt),),
            role=self.role,
            temperature=0.0,
            max_tokens=40 if self.model.small else 512,
            grammar=self.prompts.render("goal/small/choose_environment.gbnf.j2", **values)
            if self.model.small
            else None,
        )
        try:
            answer = ask(self.model, request, lambda text: parse_choice(text, tuple(environments)), self.prompts)
        except Unparseable as failure:
            raise RewardSynthError(
                f"the model {self.model.name} did not name an environment for the goal {goal!r}",
                "name it yourself: --env " + next(iter(environments)),
            ) from failure
        return answer.value, Exchange(self.role, as_text(answer.request), answer.reply.text)

    def draft_measures(self, brief: GoalBrief, *, check: MeasureCheck, seen: str = "", again: bool = False) -> Drafted:
        """Draft success and fitness for a goal, at most three times while ``check`` objects.

        Warnings are sent to the model only once: if it keeps the draft, it means it.

        :param seen: values of the fields in recorded episodes, one line per field; empty for none.
        :param again: draft a second opinion at a higher temperature, independent of the first.
        :raises RewardSynthError: no answer could be parsed.
        """
        prompt = self.prompts.render("goal/full/draft_measures.md.j2", **vars(brief), seen=seen, unit=LONGEST_UNIT)
        messages: tuple[Message, ...] = (Message(role="user", content=prompt),)
        exchanges: list[Exchange] = []
        for attempt in range(DRAFTS):
            answer = self._ask_measures(messages, attempt, again)
            exchanges.append(Exchange(self.role, as_text(answer.request), answer.reply.text))
            measures = answer.value
            findings = check(measures)
            objections = _errors(findings) or (findings if attempt == 0 else ())
            if not objections:
                break
            messages = (*answer.request.messages, *self._objection(answer.reply, objections))
        return Drafted(**vars(measures), exchanges=tuple(exchanges), findings=findings)

    def fill_in_forms(
        self,
        brief: GoalBrief,
        *,
        quantities: Sequence[Quantity],
        may_end_early: bool,
        check: MeasureCheck,
        unseen: Collection[str] = (),
    ) -> Drafted:
        """Success and fitness from forms that a small model fills in, a line for each statement of the goal.

        Most forms decide what a statement means. The draft is doubtful if fewer than two of three agree: a small model
        that understands a statement repeats itself.

        :param quantities: the options to offer; at least one.
        :param may_end_early: True if the environment can end an episode early.
        :param unseen: fields that policies do not observe; they are shown those that the goal is about.
        :raises RewardSynthError: no answer could be parsed.
        """
        said = statements(brief.goal)
        offered = [_offered(each, quantities, place == 0, may_end_early) for place, each in enumerate(said)]
        values = {**vars(brief), "statements": offered, "may_end_early": may_end_early, "lasts": LASTS}
        prompt = self.prompts.render("goal/small/measure_form.md.j2", **values, nothing=NOTHING)
        grammar = self.prompts.render("goal/small/measure_form.gbnf.j2", **values, nothing=NOTHING)
        requests = [
            Request(
                messages=(Message(role="user", content=prompt),),
                role=self.role,
                temperature=temperature,
                max_tokens=100 + 100 * len(said),
                sample=sample,
                grammar=grammar,
            )
            for sample, temperature in enumerate(_FORM_TEMPERATURES)
        ]
        parse = partial(parse_form, quantities=quantities, said=said)
        answers = ask_many(self.model, requests, parse, self.prompts)
        exchanges = tuple(Exchange(self.role, as_text(each.request), each.reply.text) for each in answers)
        forms = [each.value for each in answers if not isinstance(each, Unparseable)]
        if not forms:
            raise self._nothing_usable(next(each.reason for each in answers if isinstance(each, Unparseable)))
        form, split = agreed(forms)
        if not form.wishes:
            raise self._nothing_usable("most answers do not say what the goal wants of which field")
        doubts = (*_disagreement(forms, said, split), *_shortfall(form, said))
        form = form.off_the_ground(said, quantities)
        form = replace(form, lasts=form.lasts or (may_end_early and form.throughout))
        seen = tuple(name for name in form.fields if name in unseen)
        measures = Measures(form.success(), form.fitness(), form.fitness_unit, form.explanation(), observes=seen)
        findings = (*doubts, *check(measures))
        return Drafted(**vars(measures), exchanges=exchanges, findings=findings, reward=form_reward(form, brief.dt))

    def _ask_measures(self, messages: tuple[Message, ...], attempt: int, again: bool) -> Answer[Measures]:
        request = Request(
            messages=messages,
            role=self.role,
            temperature=0.8 if again else 0.2,
            max_tokens=2048,
            sample=attempt + (DRAFTS if again else 0),
        )
        try:
            return ask(self.model, request, parse_measures, self.prompts)
        except Unparseable as failure:
            raise self._nothing_usable(failure.reason) from failure

    def _nothing_usable(self, reason: str) -> RewardSynthError:
        return RewardSynthError(
            f"the model {self.model.name} gave no usable success and fitness: {reason}",
            "write a task file with `reward-synth tasks new`, or try another --model",
        )

    def _objection(self, reply: Reply, findings: tuple[Finding, ...]) -> tuple[Message, Message]:
        text = self.prompts.render("goal/repair_measures.md.j2", findings=findings, wrong=bool(_errors(findings)))
        return Message(role="assistant", content=reply.text), Message(role="user", content=text)


def _offered(said: Statement, quantities: Sequence[Quantity], main: bool, may_end_early: bool) -> dict[str, object]:
    """What the grammar offers for one statement: for each quantity the words for it, each with its conditions."""
    if may_end_early and said.of_an_early_end:
        return {"text": said.text, "lasts": True, "quantities": []}
    if said.turns:
        # It shows in how fast the robot turns, and no field counts how often it has.
        quantities = [each for each in quantities if each.unit == "rad/s" and not said.counts_turns]
    names = {quantity.name for quantity in quantities}
    # How high a part is says more than that it touches nothing.
    fields = [
        {
            "name": quantity.name,
            "words": [{"word": word, "conditions": conditions} for word, conditions in quantity.words(said, main)],
            "too": (quantity.alike if said.both else ()) or quantity.axes,
            "must": said.both or bool(quantity.axes),
        }
        for quantity in quantities
        if quantity.place or not said.of_a_kept_place
        if not (said.of_height and quantity.contact and f"{quantity.contact}_height" in names)
    ]
    return {"text": said.text, "lasts": False, "quantities": [each for each in fields if each["words"]]}


def _shortfall(form: Form, said: Sequence[Statement]) -> tuple[Finding, ...]:
    left_out = form.shortfall(said)
    return () if left_out is None else (PROBE["measure-falls-short"].finding(left_out),)


def _errors(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    return tuple(finding for finding in findings if finding.severity == "error")


def _disagreement(forms: Sequence[Form], said: Sequence[Statement], split: Sequence[int]) -> tuple[Finding, ...]:
    if not split:
        return ()
    place = split[0]
    answers = (" and ".join(wish.words() for wish in form.answers[place]) or NOTHING for form in forms)
    meant = "; ".join(dict.fromkeys(answers))
    text = f"the model's {len(forms)} answers to '{said[place].text}' do not mean the same: {meant}"
    return (PROBE["drafts-disagree"].finding(text),)


def _named(goal: str, environments: Mapping[str, str]) -> dict[str, str]:
    """The environments whose robot or task the goal names. A small model may overlook such a name."""
    said = set(re.findall(r"[a-z]+", goal.lower()))
    return {
        identifier: description
        for identifier, description in environments.items()
        if said & {word.lower() for word in re.findall(r"[A-Za-z][a-z]{2,}", identifier)}
    }


def parse_choice(text: str, ids: tuple[str, ...]) -> str:
    """The environment id that an answer names.

    :raises ParseError: no id is named, or several.
    """
    try:
        value = extract_json(text, keys=("environment",))
        named = str(value.get("environment", "")) if isinstance(value, dict) else ""
    except ParseError:
        named = clean(text)
    stripped = named.strip().strip("`\"'*. ")
    for identifier in ids:
        if identifier.lower() == stripped.lower():
            return identifier
    # Longest first, and removed once found: "Ant-v5" must not be read from "Elephant-v5".
    found = []
    for identifier in sorted(ids, key=len, reverse=True):
        pattern = rf"(?<![\w-]){re.escape(identifier)}(?![\w-])"
        if re.search(pattern, named, re.IGNORECASE):
            found.append(identifier)
            named = re.sub(pattern, " ", named, flags=re.IGNORECASE)
    if len(found) != 1:
        raise ParseError("name exactly one id from the list" if found else "no id from the list was named")
    return found[0]


def parse_measures(text: str) -> Measures:
    """Success, fitness and unit, from a JSON object, labelled lines, or code blocks that define both.

    :raises ParseError: one of the two is missing.
    """
    values: dict[str, str] = {}
    try:
        value = extract_json(text, keys=("success", "fitness"))
        if isinstance(value, dict):
            values = {str(key): entry if isinstance(entry, str) else json.dumps(entry) for key, entry in value.items()}
    except ParseError:
        pass
    if not {"success", "fitness"} <= values.keys():
        values = {**_labelled(text), **_defined(text)}
    missing = [key for key in ("success", "fitness") if not values.get(key, "").strip()]
    if missing:
        raise ParseError(f"the answer gives no {' and no '.join(missing)}")
    unit = values.get("fitness_unit") or values.get("unit") or ""
    success, fitness = (values[key].strip().strip("`").strip() for key in ("success", "fitness"))
    return Measures(
        success,
        fitness,
        textwrap.shorten(unit, LONGEST_UNIT, placeholder=""),
        _whole_sentences(values.get("explanation", "").strip(), LONGEST_EXPLANATION),
        int(steps) if (steps := values.get("horizon", "").strip()).isdecimal() else None,
        tuple(dict.fromkeys(re.findall(r"[A-Za-z][\w.]*", values.get("observes", "").replace("null", "")))),
    )


def _whole_sentences(text: str, most: int) -> str:
    """A text of at most so many characters, which ends with a sentence where it has one."""
    if len(text) <= most:
        return text
    ends = [match.end() for match in re.finditer(r"[.!?](?=\s)", text[:most])]
    return text[: ends[-1]] if ends else textwrap.shorten(text, most, placeholder=" …")


def _labelled(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for match in _LABELLED.finditer(clean(text)):
        key = match["key"].lower().replace(" ", "_")
        found.setdefault(key, match["value"].strip())
    return found


def _defined(text: str) -> dict[str, str]:
    """Blocks that define ``success`` or ``fitness`` as functions."""
    found: dict[str, str] = {}
    for block in blocks(clean(text)):
        tree = parse_python(block)
        names = {getattr(statement, "name", "") for statement in tree.body} if tree else set()
        for key in ("success", "fitness"):
            if key in names:
                found[key] = block.strip("\n") + "\n"
    return found
