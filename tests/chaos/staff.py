"""Staff at work while the service is killed: every kind of act, each under its Idempotency-Key, sent again until it is answered."""

import json
import time
from http.client import HTTPException
from random import Random
from typing import Any, NamedTuple
from urllib.parse import quote

from monitor.escalation.acting import FITTING
from tests.acceptance.making import SUBJECTS
from tests.acceptance.processes import Answer, ask
from tests.chaos.working import Worker

DONE = (200, 202)
REFUSED = (404, 409)  # it does not fit (any more): nothing was done
VERBS = (*("act",) * 6, "merge", "exclude", "exclude", "score", "score")
Wire = dict[str, Any]


class Deed(NamedTuple):
    """One act as it was sent, and as it was answered in the end."""

    note: str
    path: str
    body: bytes
    status: int
    answer: bytes

    @property
    def done(self) -> bool:
        """Whether it was said to be done."""
        return self.status in DONE


class Staff(Worker):
    """Does one thing after another until told to stop."""

    def __init__(self, base: str, seed: int) -> None:
        super().__init__()
        self.deeds: list[Deed] = []
        self.sent = 0
        self._base, self._drawn = base, Random(f"staff {seed}")

    def again(self) -> list[str]:
        """Every act done is sent once more (one refused may fit by now): what differs from the answer it had."""
        found = []
        for deed in self.deeds:
            if not deed.done:
                continue
            answer = self._post(deed.path, deed.note, deed.body)
            if (answer.status, answer.body) != (deed.status, deed.answer):
                found.append(f"{deed.path} ({deed.note}): answered {deed.status} at first, {answer.status} when sent again")
        return found

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                asked = self._drawn_act(f"act {len(self.deeds)}")
            except (OSError, HTTPException, KeyError):  # killed, or not yet there
                asked = None
            if asked:
                path, body = asked
                answer = self._post(path, body["note"], json.dumps(body).encode())
                self.deeds.append(Deed(body["note"], path, json.dumps(body).encode(), answer.status, answer.body))
            time.sleep(self._drawn.random() * 0.4)

    def _post(self, path: str, key: str, body: bytes) -> Answer:
        while True:
            self.sent += 1
            try:
                answer = ask(f"{self._base}{path}", body, headers={"Idempotency-Key": key})
            except (OSError, HTTPException):
                time.sleep(0.05)
                continue
            if answer.status != 503:
                return answer
            time.sleep(0.2)

    def _drawn_act(self, note: str) -> tuple[str, Wire] | None:
        """What to do, to what: mostly something that fits; None where there is nothing to do it to."""
        verb = self._drawn.choice(VERBS)
        if verb == "merge":
            return self._merge(note)
        alerts = self._items("/v1/alerts?limit=30")
        if not alerts:
            return None
        chosen = self._drawn.choice(alerts)
        alert = chosen["id"]
        if verb == "act":
            fitting = [action for action, statuses in FITTING.items() if chosen["status"] in statuses]
            action = self._drawn.choice(fitting if self._drawn.random() < 0.9 else list(FITTING))
            return f"/v1/alerts/{alert}/{action}", {"by": "值班", "note": note} | self._more(action)
        mentions = self._items(f"/v1/alerts/{alert}/mentions?limit=20")
        if not mentions:
            return None
        some = self._drawn.sample(mentions, min(len(mentions), self._drawn.randint(1, 4)))
        if verb == "exclude":
            return f"/v1/alerts/{alert}/exclude", {"note": note, "mentions": [{"source": one["source"], "id": one["id"]} for one in some]}
        word: Wire = self._drawn.choice([{"label": "positive"}, {"label": "negative"}, {"relevant": False}, {"relevant": True}])
        one = {"source": some[0]["source"], "id": some[0]["id"], "subject": self._drawn.choice(some[0]["scores"])["subject"]}
        return "/v1/mentions/score", word | one | {"note": note}

    def _merge(self, note: str) -> tuple[str, Wire] | None:
        """Seldom: in the end everything would be one story."""
        if self._drawn.random() < 0.6:
            return None
        stories = self._items(f"/v1/stories?residual=false&limit=30&subject={quote(self._drawn.choice(SUBJECTS))}")
        if len(stories) < 2:
            return None
        one, other = self._drawn.sample(stories, 2)
        return f"/v1/stories/{one['id']}/merge", {"into": other["id"], "note": note}

    def _more(self, action: str) -> Wire:
        drawn = self._drawn
        more: dict[str, Wire] = {
            "assign": {"assignee": drawn.choice(("李四", None))},
            "level": {"level": drawn.choice(("none", "blue", "yellow", "orange", "red")), "until": drawn.choice(("30m", "1m"))},
            "resolve": {"reason": drawn.choice(("handled", "handled", "false_alarm")), "until": "1m"}, "review": {"verdict": "false"},
        }  # fmt: skip
        return more.get(action, {})

    def _items(self, path: str) -> list[Wire]:
        found: list[Wire] = ask(f"{self._base}{path}").said["items"]
        return found
