"""Search for better settings of a recipe: grids, random draws, TPE, with pruning.

A search is planned (:func:`plan_search` reads keys and values and tries them on the recipe), then
run (:func:`run_search` trains trial after trial). Trials are scored on the validation set, or by
cross-validation on the training set; the test set stays closed, so that training the best recipe
measures on data that chose nothing.
"""

from __future__ import annotations

from edgecnn.training.search.plan import Search, plan_search
from edgecnn.training.search.progress import Observer
from edgecnn.training.search.search import SearchReport, run_search

__all__ = ["Observer", "Search", "SearchReport", "plan_search", "run_search"]
