"""What a guest says of a notebook's cells is a claim: only well-formed outputs come through; all else ends it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from grader.errors import InfrastructureError
from grader.model import Limits
from grader.remote.notebook import MAX_CELL_TOTAL, NotebookSession
from grader.sandbox import GuestKilled, GuestTimeout
from grader.wall.outputs import MAX_JSON_BYTES, MAX_OUTPUTS, MAX_TYPES, Recorder, pack

SOUND: dict[str, Any] = {"outputs": [], "updates": [], "ended": False}
STREAM = {"output_type": "stream", "name": "stdout", "text": "x"}
SHOWN: dict[str, Any] = {"output_type": "display_data", "data": [["text/plain", "x"]], "metadata": {"json": 0}}


class FakeGuest:
    """Answers ``execute`` with a given frame."""

    pid = 1
    interrupted = False

    def __init__(self, reply: dict[str, Any], buffers: list[bytes]) -> None:
        self.reply, self.buffers, self.open = reply, buffers, True

    def exchange(
        self, message: dict[str, Any], buffers: list[Any], **_limits: Any
    ) -> tuple[dict[str, Any], list[bytearray]]:
        if message["op"] != "execute":
            return {"id": message["id"], "ok": None}, []
        return {"id": message["id"], **self.reply}, [bytearray(data) for data in self.buffers]

    def cpu_seconds(self) -> float:
        return 0.0

    def alive(self) -> bool:
        return self.open

    def close(self) -> None:
        self.open = False


class FakeZygote:
    """Gives one guest."""

    def __init__(self, guest: Any) -> None:
        self.guest = guest

    def spawn(self, shared: Any = ()) -> Any:
        return self.guest


def execute(reply: dict[str, Any], *buffers: bytes) -> Any:
    guest = FakeGuest(reply, list(buffers))
    session = NotebookSession(FakeZygote(guest), {}, Limits())  # type: ignore[arg-type]
    try:
        return session.execute("1", 1.0)
    finally:
        assert guest.open == ("id" not in reply and guest.open)


def test_sound_outputs_come_through() -> None:
    error = {"ename": "E", "evalue": "v", "traceback": {"json": 1}}
    outputs = [
        {**STREAM, "text": {"text": 0}},
        {"output_type": "error", **error},
        {**SHOWN, "data": [["text/plain", "x"], ["application/json", {"json": 2}]], "metadata": {"json": 3},
         "display_id": "d"},
        {"output_type": "execute_result", "data": [], "metadata": {"json": 4}},
    ]  # fmt: skip
    reply = {**SOUND, "outputs": outputs, "updates": [["e", {"data": [], "metadata": {"json": 5}}]], "ended": True}
    answer = execute(reply, "ü".encode(), b'["a", "b\\n"]', b'{"k": [1, null]}', b'{"m": 1}', b"{}", b"{}")
    assert answer.outputs == [
        {"output_type": "stream", "name": "stdout", "text": "ü"},
        {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["a", "b\n"]},
        {"output_type": "display_data", "data": {"text/plain": "x", "application/json": {"k": [1, None]}},
         "metadata": {"m": 1}},
        {"output_type": "execute_result", "data": {}, "metadata": {}},
    ]  # fmt: skip
    assert answer.display_ids == {2: "d"}
    assert answer.updates == {"e": {"data": {}, "metadata": {}}}
    assert answer.ended
    assert answer.error is None


MALFORMED = {
    "another question's answer": {**SOUND, "id": 1},
    "no outputs": {"updates": []},
    "no updates": {"outputs": []},
    "outputs of another type": {**SOUND, "outputs": {"0": STREAM}},
    "an output of another type": {**SOUND, "outputs": ["x"]},
    "an unknown kind": {**SOUND, "outputs": [{**STREAM, "output_type": "update_display_data"}]},
    "a kind of another type": {**SOUND, "outputs": [{**STREAM, "output_type": ["stream"]}]},
    "an unknown stream": {**SOUND, "outputs": [{**STREAM, "name": "stdin"}]},
    "a stream of another type": {**SOUND, "outputs": [{**STREAM, "name": {}}]},
    "text of another type": {**SOUND, "outputs": [{**STREAM, "text": 5}]},
    "half a surrogate pair": {**SOUND, "outputs": [{**STREAM, "text": "\ud800"}]},
    "a buffer that is not there": {**SOUND, "outputs": [{**STREAM, "text": {"text": 7}}]},
    "a negative buffer": {**SOUND, "outputs": [{**STREAM, "text": {"text": -1}}]},
    "a buffer named True": {**SOUND, "outputs": [{**STREAM, "text": {"text": True}}]},
    "a buffer used twice": {**SOUND, "outputs": [{**STREAM, "text": {"text": 0}}] * 2},
    "too many outputs": {**SOUND, "outputs": [STREAM] * (2 * MAX_OUTPUTS + 1)},
    "data of another type": {**SOUND, "outputs": [{**SHOWN, "data": {"text/plain": "x"}}]},
    "data that are no pairs": {**SOUND, "outputs": [{**SHOWN, "data": [["text/plain"]]}]},
    "a type twice": {**SOUND, "outputs": [{**SHOWN, "data": [["a", "x"], ["a", "y"]]}]},
    "a type that is no text": {**SOUND, "outputs": [{**SHOWN, "data": [[5, "x"]]}]},
    "too many types": {**SOUND, "outputs": [{**SHOWN, "data": [[str(n), ""] for n in range(MAX_TYPES + 1)]}]},
    "plain text that is JSON": {**SOUND, "outputs": [{**SHOWN, "data": [["text/plain", {"json": 0}]]}]},
    "metadata that are text": {**SOUND, "outputs": [{**SHOWN, "metadata": "x"}]},
    "metadata that are a list": {**SOUND, "outputs": [{**SHOWN, "metadata": {"json": 1}}]},
    "no metadata": {**SOUND, "outputs": [{"output_type": "display_data", "data": []}]},
    "an error without a traceback": {**SOUND, "outputs": [{"output_type": "error", "ename": "E", "evalue": ""}]},
    "an error of another type": {**SOUND, "error": "E"},
    "an update that is none": {**SOUND, "updates": ["x"]},
    "a cell that was not executed": {"raised": {"type": ["builtins.KeyError"]}},
    "a refusal": {"refused": "too large"},
}


@pytest.mark.parametrize("reply", MALFORMED.values(), ids=MALFORMED)
def test_all_else_ends_the_guest(reply: dict[str, Any]) -> None:
    with pytest.raises(GuestKilled):
        execute(reply, b"{}", b"[1]")


@pytest.mark.parametrize(
    "data",
    [b"{", b"NaN", b'"\\ud800"', b"\xff", b"[" * 100_000, b'"' + b"x" * MAX_JSON_BYTES + b'"',
     b"[" + b"0," * (MAX_CELL_TOTAL // 16) + b"0]"],
    ids=["broken", "NaN", "half a pair", "no UTF-8", "deep", "long", "many"],
)  # fmt: skip
def test_json_that_is_none_or_too_much_ends_the_guest(data: bytes) -> None:
    with pytest.raises(GuestKilled):
        execute({**SOUND, "outputs": [{**SHOWN, "data": [["application/json", {"json": 1}]]}]}, b"{}", data)


def test_a_lost_guest_that_had_used_its_time_is_a_timeout() -> None:
    class Slow(FakeGuest):
        def exchange(self, message: dict[str, Any], buffers: list[Any], **limits: Any) -> Any:
            if message["op"] == "execute":
                raise GuestTimeout("No answer.")
            return super().exchange(message, buffers, **limits)

    session = NotebookSession(FakeZygote(Slow({}, [])), {}, Limits())  # type: ignore[arg-type]
    with pytest.raises(GuestTimeout):
        session.execute("1", 0.0)


def test_a_guest_that_cannot_start_is_no_fault_of_the_notebook() -> None:
    class Broken(FakeGuest):
        def exchange(self, message: dict[str, Any], buffers: list[Any], **_limits: Any) -> Any:
            return {"id": message["id"], "raised": {"message": "no room"}}, []

    guest = Broken({}, [])
    with pytest.raises(InfrastructureError, match="no room"):
        NotebookSession(FakeZygote(guest), {}, Limits())  # type: ignore[arg-type]
    assert not guest.open


def test_large_files_come_in_several_frames() -> None:
    sent = []

    class Listening(FakeGuest):
        def exchange(self, message: dict[str, Any], buffers: list[Any], **limits: Any) -> Any:
            sent.append((message["op"], [len(data) for data in buffers]))
            return super().exchange(message, buffers, **limits)

    files = {"a": b"x" * (40 << 20), "b": b"y" * (40 << 20), "c": b"z"}
    NotebookSession(FakeZygote(Listening({}, [])), files, Limits())  # type: ignore[arg-type]
    assert sent == [
        ("notebook_files", [40 << 20]),
        ("notebook_files", [40 << 20, 1]),
        ("notebook_start", []),
    ]


# what the guest records -----------------------------------------------------------------------------------------------


def recorded(recorder: Recorder) -> list[dict[str, Any]]:
    outputs, _updates = recorder.end()
    buffers: list[Any] = []
    json.dumps([pack(output, buffers) for output in outputs])
    return outputs


def test_streams_come_out_where_something_is_displayed_and_at_the_end() -> None:
    recorder = Recorder()
    recorder.write("stderr", "1")
    recorder.write("stdout", "2")
    recorder.display({"text/plain": "d"}, {}, None, update=False)
    recorder.write("stdout", "3")
    recorder.flush("stdout")
    recorder.write("stdout", "4")
    told = [(output["output_type"], output.get("name"), output.get("text")) for output in recorded(recorder)]
    assert told == [
        ("stream", "stdout", "2"),
        ("stream", "stderr", "1"),
        ("display_data", None, None),
        ("stream", "stdout", "34"),
    ]


def test_a_cleared_output_leaves_room_for_the_next() -> None:
    recorder = Recorder()
    for _ in range(10):
        recorder.clear(wait=True)
        recorder.display({"text/plain": "x" * (4 << 20)}, {}, None, update=False)
    (shown,) = recorded(recorder)
    assert len(shown["data"]["text/plain"]) == 4 << 20


def test_a_whole_notebook_has_a_bound_too() -> None:
    recorder = Recorder()
    kept = 0
    for _ in range(6):
        recorder.begin()
        recorder.write("stdout", "x" * (20 << 20))
        recorder.result({"text/plain": "0.5"}, {})
        stream, result = recorded(recorder)
        assert result["data"]["text/plain"] == "0.5"
        assert "not kept" in stream["text"]
        kept += len(stream["text"])
    assert kept < 65 << 20


def test_a_chart_that_is_too_large_says_so_and_keeps_its_text() -> None:
    recorder = Recorder()
    recorder.display({"application/json": list(range(2_000_000)), "text/plain": "chart"}, {}, None, update=False)
    recorder.display({"application/json": list(range(2_000_000))}, {}, None, update=False)
    first, second = recorded(recorder)
    assert first["data"] == {"text/plain": "chart"}
    assert second["data"] == {"text/plain": "[too large to be kept]"}
