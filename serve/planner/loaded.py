"""Loaded models of one process: those used last, and the questions to them."""

from __future__ import annotations

from collections import OrderedDict

from mmm.errors import MMMError
from serve.models.source import ModelEntry
from serve.planner.answers import LoadedModel, broken_if_it_fails, load_model, perform, tiny_plan
from serve.planner.model_card import make_model_card
from serve.planner.protocol import ModelCard, Question, Reply


class LoadedModels:
    """Models by key, the least recently used goes first.

    Args:
        keep: Models kept.
        registry: URI of the registry models come from, if any.
    """

    def __init__(self, keep: int, registry: str | None = None) -> None:
        self._keep, self._registry = keep, registry
        self._models: OrderedDict[str, LoadedModel] = OrderedDict()

    def load(self, entry: ModelEntry) -> LoadedModel:
        """A model, from its files if it is not loaded.

        Raises:
            MMMError: It cannot be loaded, whatever the reason.
        """
        if entry.key not in self._models:
            self._models[entry.key] = load_model(entry, self._registry)
            while len(self._models) > self._keep:
                self._models.popitem(last=False)
        self._models.move_to_end(entry.key)
        return self._models[entry.key]

    def prepare(self, entry: ModelEntry) -> ModelCard:
        """What is told of a model; errors as :meth:`load`."""
        model = self.load(entry)
        with broken_if_it_fails(entry, "loads but cannot be described"):
            return make_model_card(model)

    def answer(self, question: Question) -> Reply:
        """Answer a question to models; that one cannot be loaded is an answer too."""
        try:
            models = [self.load(entry) for entry in question.entries]
        except MMMError as error:
            return Reply(unavailable=str(error))
        return perform(question.task, models, question.payload)

    def check(self) -> None:
        """Plan a tiny budget with the model used last, of those that loaded; nothing without any."""
        if self._models:
            tiny_plan(next(reversed(self._models.values())).planner)
