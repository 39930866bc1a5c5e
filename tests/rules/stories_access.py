"""Stories of access and of cameras."""

from __future__ import annotations

from tests.rules.simulator import DAY, HOUR, START, STREAM, document, person
from tests.rules.story import (
    Story,
    keep,
    open_disclosure,
    private,
    provide,
    publish,
    state_access,
    tell,
)

from custody.v1 import record_pb2 as pb

ACCESS = [
    Story(
        rules="default.register-incomplete bj185.register-incomplete cn799.register-incomplete",
        lawful=state_access(),
        breaking=state_access(purpose=0, officers=[pb.Person(work_id_commitment=b"1" * 32)] * 2, recorded_by=None),
        breaks="register-incomplete state-access-unfounded",
    ),
    Story(
        rules="bj185.under-two-officers",
        lawful=state_access(accessor=pb.ACCESSOR_KIND_PUBLIC_SECURITY, officers=[person("one")]),
        breaking=state_access(officers=[person("one")]),
        breaks="under-two-officers",
    ),
    Story(
        rules="bj185.work-id-missing",
        lawful=state_access(),
        breaking=state_access(officers=[person("one"), pb.Person(name_commitment=b"2" * 32, unit="Unit")]),
        breaks="work-id-missing",
    ),
    Story(
        rules="bj185.no-certifying-document",
        lawful=state_access(),
        breaking=state_access(documents=[document("register_form"), document("approval")]),
        breaks="no-certifying-document",
    ),
    Story(
        rules="bj185.register-form-missing",
        lawful=state_access(),
        breaking=state_access(documents=[document("certifying"), document("approval")]),
        breaks="register-form-missing",
    ),
    Story(
        rules="bj185.provision-unrecorded cn799.provision-unrecorded",
        lawful=provide(),
        breaking=provide(recipient="", copies_sha256=[]),
        breaks="provision-unrecorded",
    ),
    Story(
        rules="cn799.provision-private-place",
        profiles="cn799:33",
        lawful=provide(),
        breaking=provide(recipient=""),
        breaks="provision-unrecorded",
    ),
    Story(
        rules="bj185.no-authorisation cn799.no-authorisation",
        lawful=tell(
            lambda w: w.request(),
            lambda w: w.grant(valid_until_us=w.now + DAY),
            state_access(
                request_id="r1",
                accessor=pb.ACCESSOR_KIND_PUBLIC_SECURITY,
                documents=[document("certifying"), document("register_form")],
            ),
        ),
        breaking=state_access(documents=[document("certifying"), document("register_form")]),
        breaks="no-authorisation",
    ),
    Story(
        rules="cn799.state-access-unfounded",
        profiles="cn799",
        lawful=state_access(),
        breaking=state_access(purpose=pb.ACCESS_PURPOSE_MAINTENANCE),
        breaks="state-access-unfounded",
    ),
    Story(
        rules="cn799.private-without-consent",
        lawful=private(),
        breaking=private(consent=False, documents=[document("approval")]),
        breaks="private-without-consent",
    ),
    Story(
        rules="cn799.private-beyond-consultation",
        lawful=private(),
        breaking=private(act=pb.ACCESS_ACT_COPY),
        breaks="private-beyond-consultation",
    ),
    Story(
        rules="cn799.publication-unprotected",
        lawful=publish(protected=True),
        breaking=publish(protected=False),
        breaks="publication-unprotected",
    ),
    Story(
        rules="cn799.publication-private-place",
        profiles="cn799:33",
        lawful=publish(protected=True),
        breaking=publish(protected=False),
        breaks="publication-unprotected",
    ),
    Story(
        rules="default.told-late",
        lawful=lambda w: w.tell(w.now - DAY, access=w.access_body()),
        breaking=lambda w: w.tell(w.now - DAY - 1, access=w.access_body()),
        breaks="told-late",
    ),
    Story(
        rules="default.access-during-hold",
        lawful=tell(
            lambda w: w.hold(end=START + HOUR),
            state_access(spans=[pb.Span(stream=STREAM, from_us=START + HOUR, to_us=START + DAY)]),
        ),
        breaking=tell(lambda w: w.hold(), state_access()),
        breaks="access-during-hold",
    ),
    Story(
        rules="default.disclosure-unfounded",
        lawful=open_disclosure("Court order C-1"),
        breaking=open_disclosure(""),
        breaks="disclosure-unfounded",
    ),
    Story(
        rules="default.hold-without-order",
        lawful=lambda w: w.hold(),
        breaking=lambda w: w.hold(case_number="", authority=""),
        breaks="hold-without-order",
    ),
    Story(
        rules="bj185.request-unanswered",
        lawful=tell(lambda w: w.request(), keep(1), lambda w: w.grant()),
        breaking=tell(lambda w: w.request(), keep(1.5), lambda w: w.grant()),
        breaks="request-unanswered",
    ),
    Story(
        rules="bj185.refusal-without-reason",
        lawful=tell(lambda w: w.request(documents=[]), lambda w: w.refuse(reason="no_document")),
        breaking=tell(lambda w: w.request(documents=[]), lambda w: w.refuse(reason="unspecified")),
        breaks="refusal-without-reason",
    ),
    Story(
        rules="bj185.emergency-refused",
        lawful=tell(lambda w: w.request(), lambda w: w.refuse(reason="footage_never_recorded")),
        breaking=tell(lambda w: w.request(), lambda w: w.refuse(reason="other")),
        breaks="emergency-refused",
    ),
]


CAMERAS = [
    Story(
        rules="default.stream-not-registered default.site-not-registered",
        bare=True,
        lawful=tell(lambda w: w.open_site(), lambda w: w.open_stream(), keep(1)),
        breaking=tell(lambda w: w.open_stream("north/yard"), keep(0.5)),
        breaks="site-not-registered stream-not-registered gap-unexplained",
    ),
    Story(
        rules="bj185.classification-missing",
        bare=True,
        lawful=tell(lambda w: w.lawful("bj185")),
        breaking=tell(lambda w: w.lawful("bj185"), lambda w: w.retire(), lambda w: w.open_stream(classification="")),
        breaks="classification-missing",
    ),
    Story(
        rules="bj185.sign-missing cn799.sign-missing",
        lawful=tell(lambda w: w.retire(), lambda w: w.open_stream(public_area=False, sign_posted=False)),
        breaking=tell(lambda w: w.retire(), lambda w: w.open_stream(sign_posted=False)),
        breaks="sign-missing",
    ),
    Story(
        rules="bj185.change-unapproved cn799.change-unapproved",
        lawful=lambda w: w.change("position"),
        breaking=lambda w: w.change("position", approved=False),
        breaks="change-unapproved",
    ),
    Story(
        rules="cn799.removal-unapproved",
        lawful=tell(lambda w: w.file("changed", streams=[]), lambda w: w.retire()),
        breaking=tell(lambda w: w.file("changed", streams=[]), lambda w: w.retire(approved=False)),
        breaks="removal-unapproved",
    ),
    Story(
        rules="default.out-of-order",
        lawful=tell(lambda w: w.hold(), lambda w: w.release()),
        breaking=lambda w: w.release(),
        breaks="out-of-order",
    ),
    Story(
        rules="default.corrected",
        lawful=state_access(),
        breaking=lambda w: w.correct(w.access()),
        breaks="corrected",
    ),
    Story(
        rules="default.correction-unfounded",
        lawful=lambda w: w.correct(w.access()),
        breaking=lambda w: w.correct(w.access(), by="urn:custody:recorder:nvr-1"),
        breaks="correction-unfounded",
        listed="corrected",
    ),
    Story(
        rules="default.profile-unknown",
        lawful=lambda w: w.change("profiles", profiles=["ctl32"]),
        breaking=lambda w: w.change("profiles", profiles=["mars-1", "cn799:8"]),
        breaks="profile-unknown profile-unknown",
    ),
]
