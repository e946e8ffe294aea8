"""The few words that we add to what the monitoring system says, in each language that we speak.

English keeps the terms of the monitoring systems: FIRING, OK, FLAPPING. `{}` is a number or a name; where one and many
differ, a bar parts them. All of it is GSM 03.38: no ë, no û.
"""

from __future__ import annotations

from dataclasses import dataclass

from sms_notify.alert import Severity
from sms_notify.wording.content import Reader


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
    alive: str
    credits: str
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
        alive="sms-notify is alive",
        credits="{} credit|{} credits",
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
        alive="sms-notify werkt",
        credits="{} credit|{} credits",
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
        alive="sms-notify fonctionne",
        credits="{} crédit|{} crédits",
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
        alive="sms-notify läuft",
        credits="{} Credit|{} Credits",
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
