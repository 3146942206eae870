"""The main job through the one door: a file is imported, a write is made, its event arrives, another service knows."""

from __future__ import annotations

import os
import sys
import threading
import time

import qsmo_client as qsmo

ARRIVES_WITHIN_S = 30.0
_COLUMNS = (
    "CGAC AGENCY CODE,AGENCY NAME,AGENCY ABBREVIATION,FREC,FREC Entity Description,FREC ABBREVIATION,SUBTIER CODE,SUBTIER NAME,"
    "SUBTIER ABBREVIATION,Admin Org Name,ADMIN_ORG,TOPTIER_FLAG,IS_FREC,FREC CGAC ASSOCIATION,"
    "USER SELECTABLE ON USASPENDING.GOV,MISSION,ABOUT AGENCY DATA,WEBSITE,CONGRESSIONAL JUSTIFICATION,ICON FILENAME,COMMENT"
)
_GSA = "General Services Administration,GSA"
CODES = f"{_COLUMNS}\n047,{_GSA},4700,{_GSA},4700,{_GSA},,,TRUE,FALSE,FALSE,TRUE,,,,,,\n".encode()


def main(url: str) -> None:
    client = qsmo.Client(url, token=os.environ["QSMO_TOKEN"])
    heard: dict[str, float] = {}
    listening = threading.Thread(target=_listen, args=(qsmo.Client(url, token=os.environ["QSMO_TOKEN"]), heard), daemon=True)
    listening.start()

    operation = client.finished(client.upload("organizations", CODES))
    _expect(operation["status"] == "succeeded", f"the import ended as {dict(operation)}")

    began = time.monotonic()
    made = client.post("/v1/organizations", {"name": "Office of the main job", "kind": "office"})
    while made["id"] not in heard:
        _expect(time.monotonic() - began < ARRIVES_WITHIN_S, f"no event of {made['id']} arrived, only {sorted(heard)}")
        time.sleep(0.005)
    arrived_ms = 1000 * (heard[made["id"]] - began)
    print(f"imported a file: {operation['sections'] if 'sections' in operation else dict(operation)}")
    print(f"an organization was registered; its event was on the stream {arrived_ms:.0f} ms after the request was sent")

    read = client.get(f"/v1/agencies/{made['id']}/overview")
    _expect(read["organization"]["name"] == made["name"], "another service does not know it")


def _listen(client: qsmo.Client, heard: dict[str, float]) -> None:
    for event in client.events(after=0):
        heard[event.document["subject"]] = time.monotonic()


def _expect(true: bool, otherwise: str) -> None:
    if not true:
        raise SystemExit(f"main job: {otherwise}")


if __name__ == "__main__":
    main(sys.argv[1])
