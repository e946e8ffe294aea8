"""The few words that we add to what the monitoring system says, in each language that we speak.

English keeps the terms of the monitoring systems: FIRING, OK, FLAPPING. `{}` is a number or a name; where one and many
differ, a bar parts them. All of it is GSM 03.38: no ë, no û.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sms_notify.alert import Alert, EndReason, Severity
from sms_notify.wording.content import Crowd, Reader, Silent, TextedIncident, Tone
from sms_notify.wording.templates import local, one_line, severity_word, tellable_address, zone_of

_NAME = 30  # characters of a person's
_MANY = 9_999  # the largest number that a text tells of what it does not list
_WEEK = 7  # days from which on the day of the week says nothing
_TWO_DAYS = 48  # hours


@dataclass(frozen=True, slots=True)
class Words:
    """One language. Days begin with Monday, months with January; `date` takes day, number and month, `day` number and month.
    `ranks` are the severities, the most urgent first. `lasting` and `ago` take a length of time.
    """

    since: str
    after: str
    hidden: str
    nameless: str
    escalated: str
    raised: str
    reminder: str
    unacknowledged: str
    closed: str
    no_data: str
    unwatched: str
    acked: str
    calm: str
    next_text: str
    next_critical: str
    others: str
    some: str
    some_left: str
    more: str
    until: str
    resolved: str
    open: str
    all_resolved: str
    all_open: str
    resolved_are: str
    held: str
    late: str
    unheard: str
    last_heard: str
    again: str
    on_call: str
    until_day: str
    nothing_open: str
    weekdays: str
    months: str
    firing: str
    ok: str
    flapping: str
    ranks: str
    still: str
    lasting: str
    ago: str
    ack: str
    silent: str
    date: str = "{} {} {}"
    day: str = "{} {}"
    days: str = "d"

    def rank(self, severity: Severity) -> str:
        """What a severity is called."""
        return self.ranks.split()[severity.rank]


WORDS = {
    "en": Words(
        since="since",
        after="after",
        hidden="not shown",
        nameless="alert (no name)",
        escalated="ESCALATED",
        raised="WORSE",
        reminder="STILL FIRING",
        unacknowledged="STILL FIRING, not acknowledged any more:",
        closed="CLOSED by {}",
        no_data="NO DATA",
        unwatched="NO LONGER WATCHED",
        acked="acknowledged by {}",
        calm="told again when calm",
        next_text="next text",
        next_critical="next critical text",
        others="other texts",
        some="{} of {}",
        some_left="{} of {} left",
        more="{} more",
        until=" until",
        resolved="{} resolved",
        open="{} open",
        all_resolved="resolved|all resolved",
        all_open="open|all open",
        resolved_are="resolved",
        held="Held",
        late="LATE",
        unheard="UNHEARD",
        last_heard="last heard",
        again="may be the second",
        on_call="On call for {}",
        until_day="until",
        nothing_open="nothing open",
        weekdays="Mon Tue Wed Thu Fri Sat Sun",
        months="Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
        firing="FIRING",
        ok="OK",
        flapping="FLAPPING",
        ranks="critical warning other info",
        still="{} still firing",
        lasting="for {}",
        ago="{} ago",
        ack="ack: {}",
        silent="{}: monitoring silent {}. No alert can come from there: look at its power, its uplink and its machine.",
    ),
    "nl": Words(
        since="sinds",
        after="na",
        hidden="niet getoond",
        nameless="alarm (zonder naam)",
        escalated="GEESCALEERD",
        raised="ERGER",
        reminder="NOG STEEDS",
        unacknowledged="NOG STEEDS, niet meer bevestigd:",
        closed="GESLOTEN door {}",
        no_data="GEEN DATA",
        unwatched="NIET MEER BEWAAKT",
        acked="bevestigd door {}",
        calm="volgt weer als het rustig is",
        next_text="volgende sms",
        next_critical="volgende kritieke sms",
        others="andere sms",
        some="{} van {}",
        some_left="{} van de andere {}",
        more="Nog {}",
        until=" tot",
        resolved="{} opgelost",
        open="{} open",
        all_resolved="opgelost|alle opgelost",
        all_open="open|alle open",
        resolved_are="opgelost",
        held="Bewaard",
        late="VERTRAAGD",
        unheard="NIETS GEHOORD",
        last_heard="laatst gehoord",
        again="misschien de tweede keer",
        on_call="Van wacht voor {}",
        until_day="tot",
        nothing_open="niets open",
        weekdays="ma di wo do vr za zo",
        months="jan feb mrt apr mei jun jul aug sep okt nov dec",
        firing="ALARM",
        ok="HERSTELD",
        flapping="INSTABIEL",
        ranks="kritiek waarschuwing overig info",
        still="{} nog steeds actief",
        lasting="al {}",
        ago="{} geleden",
        ack="bevestig: {}",
        silent="{}: bewaking stil {}. Er kan geen alarm meer van komen: kijk naar stroom, verbinding en server.",
    ),
    "fr": Words(
        since="depuis",
        after="apr\u00e8s",
        hidden="non affich\u00e9",
        nameless="alerte (sans nom)",
        escalated="ESCALADE",
        raised="AGGRAVÉ",
        reminder="TOUJOURS",
        unacknowledged="TOUJOURS, plus pris en charge:",
        closed="CLOS par {}",
        no_data="PLUS DE DONNÉES",
        unwatched="PLUS SURVEILLÉ",
        acked="pris en charge par {}",
        calm="suite au retour au calme",
        next_text="prochain SMS",
        next_critical="prochain SMS critique",
        others="autres SMS",
        some="{} sur {}",
        some_left="{} sur {} restantes",
        more="{} autre|{} autres",
        until=" jusqu'\u00e0",
        resolved="{} r\u00e9solue|{} r\u00e9solues",
        open="{} ouverte|{} ouvertes",
        all_resolved="r\u00e9solue|toutes r\u00e9solues",
        all_open="ouverte|toutes ouvertes",
        resolved_are="r\u00e9solues",
        held="En attente",
        late="EN RETARD",
        unheard="SANS NOUVELLES",
        last_heard="derni\u00e8re nouvelle",
        again="doublon possible",
        on_call="D'astreinte pour {}",
        until_day="jusqu'au",
        nothing_open="rien d'ouvert",
        weekdays="lun mar mer jeu ven sam dim",
        months="janv f\u00e9vr mars avr mai juin juil aout sept oct nov d\u00e9c",
        firing="ALERTE",
        ok="RÉTABLI",
        flapping="INSTABLE",
        ranks="critique avertissement autre info",
        still="{} toujours en alerte",
        lasting="depuis {}",
        ago="il y a {}",
        ack="accuser: {}",
        silent="{} : surveillance muette {}. Aucune alerte ne peut plus en venir : vérifier courant, liaison et serveur.",
        days="j",
    ),
    "de": Words(
        since="seit",
        after="nach",
        hidden="nicht gezeigt",
        nameless="Alarm (ohne Namen)",
        escalated="ESKALIERT",
        raised="SCHLIMMER",
        reminder="WEITERHIN",
        unacknowledged="WEITERHIN, nicht mehr quittiert:",
        closed="GESCHLOSSEN von {}",
        no_data="KEINE DATEN",
        unwatched="NICHT MEHR ÜBERWACHT",
        acked="quittiert von {}",
        calm="wieder, wenn es ruhig ist",
        next_text="n\u00e4chste SMS",
        next_critical="n\u00e4chste kritische SMS",
        others="andere SMS",
        some="{} von {}",
        some_left="{} der restlichen {}",
        more="{} weitere",
        until=" bis",
        resolved="{} behoben",
        open="{} offen",
        all_resolved="behoben|alle behoben",
        all_open="offen|alle offen",
        resolved_are="behoben",
        held="Zur\u00fcckgehalten",
        late="VERSP\u00c4TET",
        unheard="NICHTS GEH\u00d6RT",
        last_heard="zuletzt geh\u00f6rt",
        again="evtl. zum zweiten Mal",
        on_call="Bereitschaft f\u00fcr {}",
        until_day="bis",
        nothing_open="nichts offen",
        weekdays="Mo Di Mi Do Fr Sa So",
        months="Jan Feb M\u00e4r Apr Mai Jun Jul Aug Sep Okt Nov Dez",
        firing="ALARM",
        ok="BEHOBEN",
        flapping="INSTABIL",
        ranks="kritisch Warnung sonstige Info",
        still="{} weiterhin aktiv",
        lasting="seit {}",
        ago="vor {}",
        ack="quittieren: {}",
        silent="{}: Überwachung schweigt {}. Von dort kann kein Alarm mehr kommen: Strom, Anbindung und Server prüfen.",
        date="{} {}. {}",
        day="{}. {}",
    ),
}


def words_of(reader: Reader) -> Words:
    """The reader's language, also of a region (`nl-BE`); English where we do not speak it."""
    return WORDS.get(reader.language.lower()[:2], WORDS["en"])


def head_of(tone: Tone, words: Words) -> str:
    """The first word of a text about firing incidents."""
    if tone is Tone.NEWS:
        return words.firing
    heads = {
        Tone.ESCALATED: words.escalated,
        Tone.RAISED: words.raised,
        Tone.REMINDER: words.reminder,
        Tone.UNHEARD: words.unheard,
        Tone.UNACKNOWLEDGED: words.unacknowledged,
        Tone.FLAPPING: words.flapping,
    }
    return heads[tone]


def rank_word(alert: Alert, words: Words) -> str:
    """How bad it is: our own word for it, else the source's."""
    return severity_word(alert) if alert.severity is Severity.OTHER else words.rank(alert.severity)


def end_of(told: TextedIncident, words: Words) -> str:
    """The first word of a text about what has ended: by hand where somebody is named, OK where its source found it well."""
    if told.closed_by:
        return words.closed.format(one_line(told.closed_by, _NAME))
    reasons = {EndReason.NO_DATA: words.no_data, EndReason.NO_LONGER_WATCHED: words.unwatched}
    return reasons.get(told.alert.end_reason, words.ok)


def counted(form: str, number: int, said: str = "") -> str:
    """`form` for so many: `{} autre|{} autres` is `1 autre`, `2 autres`. `said` is what stands for the number."""
    one, _, many = form.partition("|")
    return (many if many and number != 1 else one).format(said or number)


def weekday(at: datetime, words: Words) -> str:
    """`Mon`."""
    return words.weekdays.split()[at.weekday()]


def day_and_time(at: datetime, words: Words) -> str:
    """`Mon 30 Nov 09:00`."""
    month = words.months.split()[at.month - 1]
    return f"{words.date.format(weekday(at, words), at.day, month)} {at:%H:%M}"


def clock(at: datetime, reader: Reader, words: Words, other: datetime | None = None) -> str:
    """`14:05`; of another day than the reader's, or than `other` in the same text, `Tue 14:05`, from a week on `12 Oct`."""
    another = other is not None and other.date() != at.date()
    return _clock(at, local(reader.now, zone_of(reader.timezone)), words, another=another)


def _clock(at: datetime, now: datetime | None, words: Words, *, another: bool = False) -> str:
    days = abs((now.date() - at.date()).days) if now else 0
    if days >= _WEEK:
        return words.day.format(at.day, words.months.split()[at.month - 1])
    return f"{weekday(at, words)} {at:%H:%M}" if days or another else f"{at:%H:%M}"


def since_words(begun: datetime, reader: Reader, words: Words) -> str:
    """`since 14:05`, `since Tue 14:05`; from a week on `for 42d`."""
    zone = zone_of(reader.timezone)
    at = local(begun, zone)
    if at is None:
        return ""
    now = local(reader.now, zone)
    lasted = (
        now.astimezone(UTC) - at.astimezone(UTC) if now else timedelta()
    )  # clocks were set back meanwhile
    if lasted.days >= _WEEK:
        return words.lasting.format(f"{lasted.days}{words.days}")
    return f"{words.since} {_clock(at, now, words)}"


def heard_words(heard: datetime, reader: Reader, words: Words) -> str:
    """`last heard 3d ago`."""
    at, now = local(heard, zone_of("UTC")), local(reader.now, zone_of("UTC"))
    if at is None or now is None or now < at:
        at = local(heard, zone_of(reader.timezone))
        return f"{words.last_heard} {day_and_time(at, words)}" if at else ""
    return f"{words.last_heard} {words.ago.format(age(now - at, words))}"


def age(lasted: timedelta, words: Words) -> str:
    """In its largest unit, whole: `3d`, `25h`, `40m`."""
    hours = int(lasted.total_seconds()) // 3600
    if hours >= _TWO_DAYS:
        return f"{hours // 24}{words.days}"
    return f"{hours}h" if hours else f"{lasted.seconds // 60}m"


def hidden_words(hidden: int, words: Words) -> str:
    """`+7 not shown`, empty where nothing was hidden."""
    return f"+{min(hidden, _MANY)} {words.hidden}" if hidden > 0 else ""


def again_words(told: Iterable[TextedIncident], words: Words) -> str:
    """`may be the second`, of what its reader may have been told already; else empty."""
    return words.again if any(one.again for one in told) else ""


def ack_words(address: str, words: Words) -> str:
    """`ack: https://…`; empty where there is none to tell."""
    return words.ack.format(address) if tellable_address(address) else ""


def silence_words(until: datetime | None, silent: Silent, reader: Reader, words: Words) -> str:
    """`next text 14:20`, empty where no silence is announced; said of nothing but what waits until then."""
    at = local(until, zone_of(reader.timezone))
    told = {Silent.CRITICAL: words.next_critical, Silent.OTHERS: words.others}.get(silent, words.next_text)
    return f"{told} {clock(at, reader, words)}" if at else ""


def crowd_words(told: int, crowd: Crowd, words: Words) -> str:
    """`11 of 36`, `12 of 25 left`; the number alone where nothing is left for another text."""
    if not crowd.left:
        return str(told)
    return (words.some_left if crowd.more else words.some).format(told, told + crowd.left)
