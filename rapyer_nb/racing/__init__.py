"""Runs of the same code at the same time, in an order that a seed decides, and what is lost by that."""

from rapyer_nb.racing.lab import race
from rapyer_nb.racing.report import RaceReport
from rapyer_nb.racing.scheduler import Scheduler

__all__ = ("RaceReport", "Scheduler", "race")
