"""The questions of ``colab-starter new``: cookiecutter's, but after a wrong answer only that question is repeated."""

from collections.abc import Callable, Mapping
from typing import Any

from cookiecutter.prompt import read_user_variable, read_user_yes_no, render_variable
from cookiecutter.utils import create_env_with_context
from rich.prompt import Prompt

from colab_starter.bake.answers import check_answer
from colab_starter.bake.choices import unknown_choice
from colab_starter.bake.languages import ENGLISH, HOW_TO_CHOOSE
from colab_starter.errors import ProjectExistsError, UsageError

CheckSlug = Callable[[str], None]
"""Raises ProjectExistsError if the project's folder cannot have that name."""

PromptsIn = Callable[[str], Mapping[str, Any]]
"""The ``__prompts__`` in a language, which is an answer to the question ``language``."""


def ask_questions(
    context: dict[str, Any], check_slug: CheckSlug, prompts_in: PromptsIn, language: str | None = None
) -> dict[str, str | bool]:
    """Ask each question of cookiecutter's context until its answer is valid; returns the answers.

    The language is asked first, unless it is given; the other questions are asked in it. Where cookiecutter asks for
    the number of a choice, its name is also accepted. Raises KeyboardInterrupt or EOFError if the user stops.
    """
    environment = create_env_with_context(context)
    questions, prompts = context["cookiecutter"], context["cookiecutter"]["__prompts__"]
    answers: dict[str, str | bool] = {}
    if language is None:
        language = _ask_choice("language", questions["language"], prompts["language"], "  ", prompts_in(ENGLISH))
    answers["language"] = language
    prompts = prompts_in(language)
    visible = [question for question in questions if not question.startswith("_") and question != "language"]
    for number, question in enumerate(visible, 1):
        prefix = f"  [dim][{number}/{len(visible)}][/] "
        default = render_variable(environment, questions[question], answers)
        if isinstance(default, list):
            answers[question] = _ask_choice(question, default, prompts[question], prefix, prompts)
        elif isinstance(default, bool):
            answers[question] = read_user_yes_no(question, default, prompts, prefix)
        else:
            answers[question] = _ask_text(question, default, prompts, prefix, check_slug)
    return answers


def _ask_text(question: str, default: str, prompts: Mapping[str, Any], prefix: str, check_slug: CheckSlug) -> str:
    while True:
        answer = str(read_user_variable(question, default, prompts, prefix))
        try:
            check_answer(answer, question)
            if question == "project_slug":
                check_slug(answer)
        except (UsageError, ProjectExistsError) as error:
            print(error)
        else:
            return answer


def _ask_choice(
    question: str, choices: list[str], labels: Mapping[str, str], prefix: str, prompts: Mapping[str, Any]
) -> str:
    """The choice whose number or name is typed, in upper or lower case; the first one if nothing is typed."""
    numbered = {str(number): choice for number, choice in enumerate(choices, 1)}
    lines = [f"    [bold magenta]{number}[/] - [bold]{labels[choice]}[/]" for number, choice in numbered.items()]
    text = "\n".join([f"{prefix}{labels['__prompt__']}", *lines, f"    {prompts[HOW_TO_CHOOSE]}"])
    typed_as = numbered | {choice.lower(): choice for choice in choices}
    while True:
        typed = Prompt.ask(text, default="1").strip()
        if chosen := typed_as.get(typed.lower()):
            return chosen
        print(unknown_choice(question, typed, choices))
