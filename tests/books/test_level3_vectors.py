"""The published vector of the level 3 checksum and its continuation (ws-v2 reference section 4.7), order by order."""

from __future__ import annotations

import pytest
import ujson

from rxkraken.books import Book3Reducer, ChecksumMismatch

# Side, order id, price, quantity, time: as on the wire, so front of the queue first.
L3_A = """
bid OTCFZG-YOE2Q-LQKNM3 44939.4 0.88968699 2024-01-08T12:26:39.526146327Z
bid OFGP5R-B3E7G-54EZD6 44939.4 0.45210000 2024-01-08T12:26:39.530287934Z
bid OMPHVY-IZPJ4-KOKA3P 44939.4 0.10000000 2024-01-08T12:26:39.576380340Z
bid OAI5QZ-AMPLW-NBNO72 44939.4 0.14296323 2024-01-08T12:26:39.602118534Z
bid O7VFZI-CTFWH-FF6EIR 44939.4 0.25000000 2024-01-08T12:26:41.780601700Z
bid O472V3-ZG4EZ-OLD66C 44939.4 0.10292988 2024-01-08T12:26:43.087136366Z
bid OEK26P-BGPUK-LDHMD2 44939.4 0.33880000 2024-01-08T12:26:43.822433365Z
bid OSMYPE-S5VOC-YSS3WM 44939.4 1.28140860 2024-01-08T12:26:45.066096694Z
bid OJPMIN-NXZL5-SOWP6V 44937.1 0.03346877 2024-01-08T12:26:39.691304329Z
bid O6PUGE-SQWYQ-TRJEEE 44934.7 0.35630000 2024-01-08T12:26:44.129718463Z
bid OPUOGC-Q532V-3OKLPM 44930.2 0.22734299 2024-01-08T12:26:30.769031831Z
bid OCIU7J-VB3CI-HPULSF 44930.2 0.01000000 2024-01-08T12:26:36.054352106Z
bid ORWVAF-LJFLY-ZWEHDQ 44930.2 0.05550000 2024-01-08T12:26:36.635882793Z
bid OYRAHE-PI5AN-7KOQ4E 44930.2 0.70000000 2024-01-08T12:26:37.296554518Z
bid OGBHYU-UILDD-6DLLYJ 44930.2 0.15000000 2024-01-08T12:26:41.222733191Z
bid O74ZBU-K2TKC-R76XSW 44928.0 0.00105240 2024-01-08T12:26:23.542563322Z
bid OQVTQF-Y56MR-BM6LWL 44919.6 0.33870000 2024-01-08T12:26:42.808132842Z
bid OYEH6U-ZCHA2-3HFR3W 44919.5 0.07610000 2024-01-08T12:26:34.269600037Z
bid OLGPG7-HVKXU-J6SANK 44912.0 0.35630000 2024-01-08T12:26:34.961292766Z
bid OHGC3L-FRZQ3-UIVZRU 44909.7 0.06690000 2024-01-08T12:26:31.912880024Z
bid O73C6Y-VZXYA-H4LDFY 44901.9 0.00088982 2024-01-08T12:26:42.883315043Z
ask OFVLAA-HRSSP-BK75KB 44939.5 4.52308393 2024-01-08T12:18:05.770906486Z
ask OYBAMK-O5DKX-WMPUTM 44939.5 0.00111261 2024-01-08T12:18:12.847426441Z
ask O3DRCT-J5M2S-KYV526 44939.5 0.00100000 2024-01-08T12:26:42.108176464Z
ask OF3X3A-72WZY-6EKA5F 44939.5 0.01000000 2024-01-08T12:26:43.955098263Z
ask OF5UA6-6IIZ2-YGQTSJ 44950.0 0.10334926 2024-01-08T12:25:52.800473795Z
ask OSDOZX-7UZ6Y-QDNPVI 44953.0 0.00064537 2024-01-08T12:24:58.086806970Z
ask OV7KTS-A2TWV-3XKRIA 44955.0 0.00250000 2024-01-08T12:21:52.257936228Z
ask OOF2V5-RYOHC-GLRNPM 44959.6 0.35630000 2024-01-08T12:26:44.202823127Z
ask OTVOVS-QLST3-3JG7JI 44959.6 0.35630000 2024-01-08T12:26:44.203383999Z
ask OGZCIU-RDQ77-DAAL3P 44960.1 0.00338072 2024-01-08T12:26:42.724829715Z
ask OVLG3E-HYBQM-CWNGCY 44960.2 0.88967575 2024-01-08T12:26:12.935924248Z
ask OWEOFO-HUCJC-T37MVO 44967.0 3.14392283 2024-01-08T12:26:39.474431925Z
ask OVYTHY-D2N76-5QYREQ 44978.5 0.06778960 2024-01-08T12:26:41.229379178Z
ask OFO525-PHRVS-236RMN 44979.2 0.35630000 2024-01-08T12:26:20.271584488Z
"""
L3_A_CHECKSUM = 1063832831

# Event, side, order id, price, quantity; several in one message are separated by commas.
L3_S = [
    ("modify bid O472V3-ZG4EZ-OLD66C 44939.4 0.05000000", 2639871034),
    ("delete bid OTCFZG-YOE2Q-LQKNM3 44939.4 0.88968699", 1892088935),
    ("add bid OAAAAA-BBBBB-CCCCC1 44939.4 0.50000000", 1721160843),
    (
        "delete bid OJPMIN-NXZL5-SOWP6V 44937.1 0.03346877, add bid OAAAAA-BBBBB-CCCCC2 44900.5 1.25000000",
        2983697235,
    ),
    ("add ask OAAAAA-BBBBB-CCCCC3 44945.0 0.75000000", 2467961437),
]


def order(order_id: str, price: str, qty: str, timestamp: str, event: str | None = None) -> str:
    head = f'"event":"{event}",' if event else ""
    return f'{{{head}"order_id":"{order_id}","limit_price":{price},"order_qty":{qty},"timestamp":"{timestamp}"}}'


def frame(kind: str, bids: list[str], asks: list[str], checksum: int) -> str:
    return (
        f'{{"channel":"level3","type":"{kind}","data":[{{"symbol":"BTC/USD","checksum":{checksum},'
        f'"bids":[{",".join(bids)}],"asks":[{",".join(asks)}]}}]}}'
    )


def snapshot(rows: list[list[str]], checksum: int = L3_A_CHECKSUM) -> str:
    bids, asks = ([order(*rest) for side, *rest in rows if side == name] for name in ("bid", "ask"))
    return frame("snapshot", bids, asks, checksum)


def update(text: str, checksum: int) -> str:
    changes = [change.split() for change in text.split(", ")]
    sides = (
        [order(*rest, "2024-01-08T12:26:50.000000000Z", event) for event, side, *rest in changes if side == name]
        for name in ("bid", "ask")
    )
    return frame("update", *sides, checksum)


def rows_of(text: str) -> list[list[str]]:
    return [line.split() for line in text.split("\n") if line]


def play(reducer: Book3Reducer, *texts: str) -> list:
    frames = [(ujson.loads(text), text) for text in texts]
    return [reducer.apply(each["data"][0], each["type"], text, 1.0, 1) for each, text in frames]


@pytest.fixture(params=[{"price_precision": 1, "qty_precision": 8}, {}], ids=["digits known", "digits from the wire"])
def reducer(request) -> Book3Reducer:
    return Book3Reducer("BTC/USD", 10, **request.param)


def test_the_official_book_verifies_and_shows_every_order(reducer):
    (book,) = play(reducer, snapshot(rows_of(L3_A)))
    shown = [
        [side, each.order_id, str(each.price), f"{each.qty:f}", each.timestamp_text]
        for side, levels in (("bid", book.bids), ("ask", book.asks))
        for level in levels
        for each in level.orders
    ]
    assert (book.verified, book.checksum, len(book.bids), len(book.asks)) == (True, L3_A_CHECKSUM, 10, 10)
    assert shown == rows_of(L3_A)


def test_two_orders_in_the_wrong_places_are_noticed(reducer):
    first, second, *rest = rows_of(L3_A)
    assert play(reducer, snapshot([second, first, *rest])) == [None]
    assert (reducer.needs_resync, reducer.last_error.computed) == (True, 1399232563)
    assert isinstance(reducer.last_error, ChecksumMismatch)


def test_levels_are_not_summed_before_their_checksum(reducer):
    """The sums have the checksum of the `book` channel, which is another."""
    (book,) = play(reducer, snapshot(rows_of(L3_A)))
    levels = book.to_book()
    assert (levels.checksum, levels.verified) == (3003167673, False)
    assert [(at.price, at.qty) for at in levels.bids] == [(at.price, at.qty) for at in book.bids]
    assert [(at.price, at.qty) for at in levels.asks] == [(at.price, at.qty) for at in book.asks]
    assert (levels.symbol, levels.depth, levels.received, levels.epoch, levels.sequence) == ("BTC/USD", 10, 1.0, 1, 1)


def test_its_continuation_verifies_step_by_step(reducer):
    books = play(reducer, snapshot(rows_of(L3_A)), *(update(*step) for step in L3_S))
    assert [(book.verified, book.checksum) for book in books] == [
        (True, L3_A_CHECKSUM), *((True, checksum) for _, checksum in L3_S),
    ]  # fmt: skip
    assert [len(book.asks) for book in books] == [10] * 6
    assert books[-1].order("OFO525-PHRVS-236RMN") is None  # its level was pushed out, and no delete was sent


def test_queue_positions_follow_the_continuation(reducer):
    """An order moves up when those before it go, and what joins is behind it."""
    books = play(reducer, snapshot(rows_of(L3_A)), *(update(*step) for step in L3_S))
    places = [book.queue_position("O472V3-ZG4EZ-OLD66C") for book in books]
    assert [(at.ahead, f"{at.qty_ahead:f}", f"{at.level_qty:f}", at.rank) for at in places] == [
        (5, "1.83475022", "3.55788870", 0),
        (5, "1.83475022", "3.50495882", 0),
        (4, "0.94506323", "2.61527183", 0),
        (4, "0.94506323", "3.11527183", 0),
        (4, "0.94506323", "3.11527183", 0),
        (4, "0.94506323", "3.11527183", 0),
    ]
    assert books[-1].queue_position("OAAAAA-BBBBB-CCCCC2").rank == 9
    assert (books[-1].side_of("OAAAAA-BBBBB-CCCCC3"), books[2].side_of("OAAAAA-BBBBB-CCCCC3")) == ("asks", None)
