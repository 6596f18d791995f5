"""Scenarios of a stock python-socketio client against real nodes.

scenarios.py NAME FACTS: FACTS is a JSON object (urls, redis, processes). Ends with 0 and prints "ok", or says what was
not as expected. Every wait has a deadline.
"""

import json
import os
import queue
import signal
import sys
import time
import urllib.request

import engineio
import socketio

LIMIT = 20
FACTS = {}


def expect(holds, what):
    if not holds:
        raise AssertionError(what)


def eventually(condition, what):
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError(f"not within {LIMIT} s: {what}")


class InOrder(engineio.Client):
    """One message after the other. The stock client starts a thread for each, which lets them overtake one another."""

    def _trigger_event(self, event, *args, **kwargs):
        if event == "message":
            kwargs["run_async"] = False
        return super()._trigger_event(event, *args, **kwargs)


class Recovering(socketio.Client):
    """Keeps what CONNECT answered: python-socketio does not know connection state recovery."""

    answer = None

    def _engineio_client_class(self):
        return InOrder

    def _handle_connect(self, namespace, data):
        self.answer = data
        super()._handle_connect(namespace, data)


class Subscriber:
    """A client that keeps, in order, what it is told."""

    def __init__(self, url, transports=None, auth=None, rooms=()):
        self.events = queue.Queue()
        self.client = Recovering(reconnection=False, request_timeout=LIMIT)
        self.client.on("*", lambda event, *data: self.events.put((event, data)))
        self.client.connect(url, transports=transports, auth=auth, wait_timeout=LIMIT)
        for kind, name in rooms:
            answer = self.call(f"subscribe-{kind}", name)
            expect(answer.get("ok") is True, f"subscribe-{kind} answered {answer}")

    def call(self, event, data):
        return self.client.call(event, data, timeout=LIMIT)

    def publish(self, room, event, data):
        answer = self.call("publish", {"room": room, "event": event, "data": data})
        expect(answer.get("ok") is True, f"publish answered {answer}")

    def next(self):
        try:
            return self.events.get(timeout=LIMIT)
        except queue.Empty:
            raise AssertionError(f"no event within {LIMIT} s") from None

    def take(self, count):
        return [self.next()[1][0]["n"] for _ in range(count)]

    def silent(self):
        expect(self.events.empty(), f"unexpected {self.events.queue}")

    def close(self):
        self.client.disconnect()

    def lose(self):
        """The network goes away: no close frame, no goodbye."""
        socket = self.client.eio.ws.sock
        socket.shutdown(2)
        eventually(lambda: not self.client.connected, "the client sees its loss")


def together(*subscribers):
    for subscriber in subscribers:
        subscriber.close()


# One node


def upgrade():
    subscriber = Subscriber(FACTS["urls"][0], rooms=[("task", "t1")])
    eventually(lambda: subscriber.client.transport() == "websocket", "the upgrade to WebSocket")
    expect(subscriber.call("echo", {"a": [1, 2.5, "ü", None, True]}) == {"a": [1, 2.5, "ü", None, True]}, "echo")
    subscriber.publish("task:t1", "note", {"n": 1})
    expect(subscriber.next()[0] == "note", "its own event comes back")
    together(subscriber)


def polling():
    subscriber = Subscriber(FACTS["urls"][0], transports=["polling"], rooms=[("agent", "a"), ("project", "p")])
    publisher = Subscriber(FACTS["urls"][0], transports=["polling"])
    for number in range(50):
        publisher.publish("project:p" if number % 2 else "agent:a", "note", {"n": number})
    expect(subscriber.take(50) == list(range(50)), "order over polling")
    expect(subscriber.client.transport() == "polling", "no upgrade was asked for")
    together(subscriber, publisher)


def websocket():
    subscriber = Subscriber(FACTS["urls"][0], transports=["websocket"], rooms=[("task", "t1")])
    other = Subscriber(FACTS["urls"][0], transports=["websocket"], rooms=[("task", "t2")])
    for number in range(100):
        subscriber.client.emit("publish", {"room": "task:t1", "event": "note", "data": {"n": number}})
    expect(subscriber.take(100) == list(range(100)), "order")
    answer = subscriber.call("unsubscribe-task", "t1")
    expect(answer.get("ok") is True, f"unsubscribe-task answered {answer}")
    other.publish("task:t1", "note", {"n": 1})
    other.publish("task:t2", "note", {"n": 2})
    expect(other.take(1) == [2], "other rooms are not heard")
    expect(subscriber.call("echo", 7) == 7, "echo")
    subscriber.silent()
    together(subscriber, other)


def refusals():
    subscriber = Subscriber(FACTS["urls"][0], transports=["websocket"])
    for event, argument in [
        ("subscribe-task", ""),
        ("subscribe-task", {"id": 1}),
        ("publish", {"room": "task:t"}),
        ("publish", "task:t"),
        ("publish", {"room": "", "event": "note", "data": 1}),
        ("publish", {"room": "task:t", "event": "", "data": 1}),
    ]:
        answer = subscriber.call(event, argument)
        expect(answer.get("ok") is False and answer.get("error"), f"{event} {argument!r} answered {answer}")
    expect(subscriber.call("echo", "still here") == "still here", "the connection outlives refusals")
    stranger = socketio.Client(reconnection=False)
    try:
        stranger.connect(FACTS["urls"][0], namespaces=["/nowhere"], wait_timeout=LIMIT)
        raise AssertionError("an unknown namespace was accepted")
    except socketio.exceptions.ConnectionError:
        pass
    together(subscriber)


def binary():
    blob = bytes(range(256)) * 40
    for transports in (["websocket"], ["polling"]):
        subscriber = Subscriber(FACTS["urls"][0], transports=transports, rooms=[("task", "t")])
        expect(subscriber.call("echo", {"blob": blob, "n": 1}) == {"blob": blob, "n": 1}, f"echo over {transports}")
        subscriber.publish("task:t", "blob", {"first": blob, "second": b"", "n": 2})
        event, data = subscriber.next()
        expect(event == "blob" and data[0] == {"first": blob, "second": b"", "n": 2}, f"publish over {transports}")
        together(subscriber)


def offset(event):
    """The recovery offset is the argument after the data."""
    expect(len(event[1]) >= 2 and isinstance(event[1][-1], str), f"no offset in {event}")
    return event[1][-1]


def recover(subscriber, last, url, publish, missed):
    """Loses the subscriber, publishes, and comes back at `url` with what was seen last."""
    answer = subscriber.client.answer
    expect(isinstance(answer.get("pid"), str), f"CONNECT answered {answer}")
    subscriber.lose()
    publish()
    back = Subscriber(url, transports=["websocket"], auth={"pid": answer["pid"], "offset": last})
    expect(back.client.answer["sid"] == answer["sid"] and back.client.answer["pid"] == answer["pid"], "the same session")
    expect(back.take(len(missed)) == missed, "what was missed, in order")
    return back


def recovery():
    url = FACTS["urls"][0]
    subscriber = Subscriber(url, transports=["websocket"], rooms=[("task", "t")])
    publisher = Subscriber(url, transports=["websocket"])
    publisher.publish("task:t", "note", {"n": 0})
    last = offset(subscriber.next())

    def publish():
        for number in range(1, 21):
            publisher.publish("task:t", "note", {"n": number})
            publisher.publish("task:other", "note", {"n": -number})

    back = recover(subscriber, last, url, publish, list(range(1, 21)))
    publisher.publish("task:t", "note", {"n": 21})
    expect(back.take(1) == [21], "its rooms are its again")
    back.silent()
    fresh = Subscriber(url, transports=["websocket"], auth={"pid": "no-such-pid", "offset": last})
    expect(fresh.client.answer["pid"] != "no-such-pid", "an unknown pid gets a session of its own")
    fresh.silent()
    together(back, publisher, fresh)


# Two nodes and a Redis


def crossing():
    """Everyone hears everyone's events, in each publisher's order, whichever node they are on."""
    urls = FACTS["urls"]
    subscribers = [Subscriber(url, transports=["websocket"], rooms=[("task", "t")]) for url in urls for _ in range(2)]
    publishers = [Subscriber(url, transports=["websocket"]) for url in urls]
    heard_by_all(subscribers, publishers)
    for number in range(200):
        for who, publisher in enumerate(publishers):
            publisher.client.emit(
                "publish", {"room": "task:t", "event": "note", "data": {"n": number, "who": who}})
    for subscriber in subscribers:
        seen = {who: [] for who in range(len(publishers))}
        for _ in range(200 * len(publishers)):
            data = subscriber.next()[1][0]
            seen[data["who"]].append(data["n"])
        for who, numbers in seen.items():
            expect(numbers == list(range(200)), f"publisher {who}: {numbers}")
    for subscriber in subscribers:
        subscriber.silent()
    together(*subscribers, *publishers)


def heard_by_all(subscribers, publishers):
    """Waits until the nodes have told Redis what they listen to: a publish from each arrives everywhere."""
    waiting = {(who, place) for who in range(len(publishers)) for place in range(len(subscribers))}
    end = time.monotonic() + LIMIT
    while waiting:
        expect(time.monotonic() < end, f"never heard: {waiting}")
        for who, publisher in enumerate(publishers):
            publisher.publish("task:t", "warm", {"who": who})
        time.sleep(0.05)
        for place, subscriber in enumerate(subscribers):
            while not subscriber.events.empty():
                waiting.discard((subscriber.events.get()[1][0]["who"], place))
    # What is still under way comes before an echo's answer only on its own connection: a last round marks the end.
    for who, publisher in enumerate(publishers):
        publisher.publish("task:t", "last", {"who": who})
    for subscriber in subscribers:
        lasts = 0
        while lasts < len(publishers):
            lasts += subscriber.next()[0] == "last"


def killed():
    """The node dies with kill -9; its client comes back to the other one and misses nothing."""
    first, second = FACTS["urls"]
    subscriber = Subscriber(first, transports=["websocket"], rooms=[("task", "t")])
    publisher = Subscriber(second, transports=["websocket"])
    heard_by_all([subscriber], [publisher])
    publisher.publish("task:t", "note", {"n": 0})
    event = subscriber.next()
    last, answer = offset(event), subscriber.client.answer
    os.kill(FACTS["processes"][0], signal.SIGKILL)
    eventually(lambda: not subscriber.client.connected, "the client sees that its node died")
    for number in range(1, 51):
        publisher.publish("task:t", "note", {"n": number})
    back = Subscriber(second, transports=["websocket"], auth={"pid": answer["pid"], "offset": last})
    expect(back.client.answer["pid"] == answer["pid"], f"not recovered: {back.client.answer}")
    expect(back.take(50) == list(range(1, 51)), "what was missed, in order")
    publisher.publish("task:t", "note", {"n": 51})
    expect(back.take(1) == [51], "its rooms are its again")
    back.silent()
    together(back, publisher)


def moved():
    """The client comes back to the other node while its own lives on."""
    first, second = FACTS["urls"]
    subscriber = Subscriber(first, transports=["websocket"], rooms=[("task", "t")])
    publishers = [Subscriber(url, transports=["websocket"]) for url in (first, second)]
    heard_by_all([subscriber], publishers)
    publishers[0].publish("task:t", "note", {"n": 0})
    last = offset(subscriber.next())
    answer = subscriber.client.answer
    subscriber.lose()
    for number in range(1, 21):
        publishers[number % 2].publish("task:t", "note", {"n": number, "who": number % 2})
    back = Subscriber(second, transports=["websocket"], auth={"pid": answer["pid"], "offset": last})
    expect(back.client.answer["pid"] == answer["pid"], f"not recovered: {back.client.answer}")
    seen = [back.next()[1][0] for _ in range(20)]
    for who in (0, 1):
        numbers = [data["n"] for data in seen if data["who"] == who]
        expect(numbers == [n for n in range(1, 21) if n % 2 == who], f"publisher {who}: {numbers}")
    back.silent()
    together(back, *publishers)


def emitter():
    """The stock emitter of Python publishes to clients of both nodes."""
    import importlib.util
    import redis
    # The package's own front is written for Python 2; its module is found by going round it.
    sys.path.insert(0, importlib.util.find_spec("emitter").submodule_search_locations[0])
    from emitter import Emitter

    subscribers = [Subscriber(url, transports=["websocket"], rooms=[("task", "t")]) for url in FACTS["urls"]]
    outsiders = [Subscriber(url, transports=["websocket"]) for url in FACTS["urls"]]
    heard_by_all(subscribers, outsiders)
    connection = redis.Redis(host="127.0.0.1", port=FACTS["redis"])
    for number in range(20):
        Emitter({"client": connection}).To("task:t").Emit("from-outside", {"n": number})
    for subscriber in subscribers:
        expect(subscriber.take(20) == list(range(20)), "the emitter's order")
    Emitter({"client": connection}).Emit("to-all", {"n": 1})
    for subscriber in subscribers + outsiders:
        expect(subscriber.take(1) == [1], "an event to everyone")
    connection.publish("socket.io#/#task:t#", b"\xc1 no MessagePack")
    Emitter({"client": connection}).To("task:t").Emit("after-garbage", {"n": 99})
    for subscriber in subscribers:
        expect(subscriber.take(1) == [99], "garbage on the channel harms nobody")
    together(*subscribers, *outsiders)


def asked():
    """Events that are to be acknowledged: asked for over HTTP, and by another Socket.IO server over Redis."""
    import msgpack
    import redis

    subscribers = [Subscriber(url, transports=["websocket"], rooms=[("task", "t")]) for url in FACTS["urls"]]
    subscribers.append(Subscriber(FACTS["urls"][1], transports=["polling"], rooms=[("task", "t")]))
    for place, subscriber in enumerate(subscribers):
        subscriber.client.on("question", lambda data, place=place: {"place": place, "heard": data})
    heard_by_all(subscribers, subscribers[:2])

    def ask(api, room, milliseconds):
        request = urllib.request.Request(
            f"http://127.0.0.1:{api}/v1/rooms/{room}/events", method="POST",
            headers={"Content-Type": "application/json"},
            data=json.dumps({"event": "question", "data": 7, "acknowledgeMilliseconds": milliseconds}).encode())
        with urllib.request.urlopen(request, timeout=LIMIT) as answer:
            return json.load(answer)

    for api in FACTS["apis"]:
        receipt = ask(api, "task:t", 20_000)
        expect(receipt["acknowledged"] == 3 and receipt["sockets"] == 3 and receipt["complete"], f"receipt {receipt}")
    silent = Recovering(reconnection=False)
    silent.connect(FACTS["urls"][0], transports=["websocket"], wait_timeout=LIMIT)
    silent.on("question", lambda data: time.sleep(2))
    expect(silent.call("subscribe-task", "slow", timeout=LIMIT)["ok"], "subscribe")
    receipt = ask(FACTS["apis"][1], "task:slow", 300)
    expect(receipt["acknowledged"] == 0 and not receipt["complete"], f"a late answer does not count: {receipt}")

    connection = redis.Redis(host="127.0.0.1", port=FACTS["redis"])
    listener = connection.pubsub(ignore_subscribe_messages=True)
    listener.subscribe("socket.io-response#/#")
    listener.get_message(timeout=LIMIT)
    connection.publish("socket.io-request#/#", msgpack.packb({
        "uid": "a-node-server", "requestId": "r1", "type": 7,
        "packet": {"type": 2, "data": ["question", {"blob": b"\x01\x02"}], "nsp": "/"},
        "opts": {"rooms": ["task:t"], "except": [], "flags": {"timeout": 20000, "expectSingleResponse": False}}}, use_bin_type=True))
    clients, answers, end = [], [], time.monotonic() + LIMIT
    while (len(clients) < 2 or len(answers) < 3) and time.monotonic() < end:
        message = listener.get_message(timeout=1)
        if message is None:
            continue
        data = message["data"]
        response = json.loads(data) if data[:1] == b"{" else msgpack.unpackb(data, raw=False)
        expect(response["requestId"] == "r1", f"response {response}")
        if response["type"] == 8:
            clients.append(response["clientCount"])
        else:
            expect(response["type"] == 9, f"response {response}")
            answers.append(response["packet"])
    expect(sorted(clients) == [1, 2], f"the nodes asked {clients}")
    expect(sorted(a["place"] for a in answers) == [0, 1, 2], f"answers {answers}")
    expect(all(a["heard"] == {"blob": b"\x01\x02"} for a in answers), f"answers {answers}")
    together(*subscribers)
    silent.disconnect()


def storm():
    """Half-open connections, slow heads, thousands that come and go: the node answers all the while, and has no more
    descriptors and memory afterwards than before."""
    import resource
    import socket
    import struct

    host, port = FACTS["urls"][0].removeprefix("http://").split(":")
    process = FACTS["processes"][0]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    crowd = min(10_000, hard // 2)

    def descriptors():
        return len(os.listdir(f"/proc/{process}/fd"))

    def resident():
        with open(f"/proc/{process}/status") as status:
            return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmRSS"))

    def dial():
        connection = socket.create_connection((host, int(port)), timeout=LIMIT)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def healthy(what):
        with urllib.request.urlopen(f"{FACTS['urls'][0]}/health", timeout=LIMIT) as answer:
            expect(answer.status == 200 and json.load(answer)["components"], f"/health {what}")

    def come_and_go(count):
        request = (
            b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
            b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            # 40, masked with zeros: CONNECT; then 42["subscribe-task","t"].
            b"\x81\x82\0\0\0\x00" + b"40" + b"\x81\x98\0\0\0\0" + b'42["subscribe-task","t1"]'[:24])
        for start in range(0, count, 100):
            some = [dial() for _ in range(100)]
            for connection in some:
                connection.sendall(request)
            for place, connection in enumerate(some):
                expect(connection.recv(64).startswith(b"HTTP/1.1 101"), "an upgrade")
                if place % 2:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.close()

    come_and_go(500)
    eventually(lambda: descriptors() < 500, "the first storm is over")
    before = descriptors()

    crowded = [dial() for _ in range(crowd)]
    healthy("among half-open connections")
    for connection in crowded:
        connection.close()
    eventually(lambda: descriptors() <= before + 8, f"{before} descriptors as before the half-open, not {descriptors()}")

    slow = [dial() for _ in range(300)]
    for connection in slow:
        connection.setblocking(False)
    waiting, end = set(slow), time.monotonic() + 2 * LIMIT
    while waiting and time.monotonic() < end:
        for connection in list(waiting):
            try:
                connection.send(b"G")
                if connection.recv(1_024) == b"":
                    waiting.discard(connection)
            except BlockingIOError:
                pass
            except OSError:
                waiting.discard(connection)
        time.sleep(0.2)
    expect(not waiting, f"{len(waiting)} connections drip on")
    healthy("after the slow heads")
    for connection in slow:
        connection.close()

    sizes = []
    for _ in range(3):
        come_and_go(2_000)
        eventually(lambda: descriptors() <= before + 8, f"{before} descriptors as before the storm, not {descriptors()}")
        sizes.append(resident())
    # Those who dropped may come back for ten minutes, and are kept until then: some hundred bytes each.
    expect(sizes[2] - sizes[1] < 16 << 20, f"resident bytes after each storm: {sizes}")
    healthy("after all storms")
    last = Subscriber(FACTS["urls"][0], transports=["websocket"], rooms=[("task", "t")])
    expect(last.call("echo", 1) == 1, "echo")
    last.close()


def balanced():
    """Many clients through a proxy that deals connections in turn: polling with its cookie, WebSocket without."""
    url = FACTS["proxy"]
    subscribers = [
        Subscriber(url, transports=transports, rooms=[("task", "t")])
        for transports in (None, ["polling"], ["websocket"], None, ["polling"], ["websocket"])
    ]
    publishers = [Subscriber(url, transports=["websocket"]) for _ in range(2)]
    heard_by_all(subscribers, publishers)
    for number in range(20):
        publishers[number % 2].publish("task:t", "note", {"n": number, "who": number % 2})
    for subscriber in subscribers:
        seen = [subscriber.next()[1][0] for _ in range(20)]
        for who in (0, 1):
            expect([d["n"] for d in seen if d["who"] == who] == list(range(who, 20, 2)), f"publisher {who}: {seen}")
    together(*subscribers, *publishers)


def addresses():
    """A trusted proxy says where clients come from; whoever comes without it cannot."""
    auth = {"token": FACTS["token"]}
    subscribers = [Subscriber(FACTS["proxy"], transports=t, auth=auth) for t in (["polling"], ["websocket"])]
    direct = [Subscriber(url, transports=["websocket"], auth=auth) for url in FACTS["urls"]]
    seen = []
    for api in FACTS["apis"]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{api}/v1/sockets", headers={"Authorization": f"Bearer {FACTS['token']}"})
        with urllib.request.urlopen(request, timeout=LIMIT) as answer:
            seen += [socket["address"] for socket in json.load(answer)["sockets"]]
    forwarded = [address for address in seen if address.startswith("203.0.113.9")]
    expect(len(seen) == 4 and len(forwarded) == 2, f"addresses: {seen}")
    for url in FACTS["urls"]:
        try:
            Subscriber(url, transports=["websocket"], auth={"token": "x" * 40})
            raise AssertionError("a wrong token was accepted")
        except socketio.exceptions.ConnectionError:
            pass
    together(*subscribers, *direct)


if __name__ == "__main__":
    FACTS = json.loads(sys.argv[2])
    globals()[sys.argv[1]]()
    print("ok")
