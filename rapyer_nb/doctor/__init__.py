"""The doctor: looks at all that the library needs, and tells what to do about it; it changes nothing."""

from rapyer_nb.doctor.checking import CHECKS, SAMPLE, SECONDS, acheck, without_server
from rapyer_nb.doctor.finding import Finding
from rapyer_nb.doctor.patient import Check, Patient
from rapyer_nb.doctor.report import Report, Section

__all__ = (
    "CHECKS",
    "SAMPLE",
    "SECONDS",
    "Check",
    "Finding",
    "Patient",
    "Report",
    "Section",
    "acheck",
    "without_server",
)
