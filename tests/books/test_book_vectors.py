"""The published and recorded vectors of the level 2 checksum (ws-v2 reference section 4.6), number by number."""

from __future__ import annotations

import pytest
import ujson

from rxkraken.books import BookReducer, ChecksumMismatch

# Price and quantity of each level, best first.
L2_A = {
    "bids": """
45283.5:0.10000000 45283.4:1.54582015 45282.1:0.10000000 45281.0:0.10000000 45280.3:1.54592586
45279.0:0.07990000 45277.6:0.03310103 45277.5:0.30000000 45277.3:1.54602737 45276.6:0.15445238
""",
    "asks": """
45285.2:0.00100000 45286.4:1.54571953 45286.6:1.54571109 45289.6:1.54560911 45290.2:0.15890660
45291.8:1.54553491 45294.7:0.04454749 45296.1:0.35380000 45297.5:0.09945542 45299.5:0.18772827
""",
}
L2_B = {
    "bids": """
0.5666:4831.75496356 0.5665:6658.22734739 0.5664:18724.91513344 0.5663:11563.92544914 0.5662:14006.65365711
0.5661:17454.85679807 0.566:18097.1547 0.5659:33644.89175666 0.5658:148.3464 0.5657:606.70854372
""",
    "asks": """
0.5668:4410.79769741 0.5669:4655.40412487 0.567:49844.89424998 0.5671:24306.41678 0.5672:29783.25223475
0.5673:57234.71239278 0.5674:45065.04744 0.5675:5912.76380354 0.5676:42514.92434778 0.5677:36304.0847022
""",
}
L2_D = {
    "bids": """
29430.2:0.18967538 29429.6:0.00011621 29427.4:0.00100000 29426.7:4.00000000 29425.7:0.67945399
29423.5:0.67950478 29422.1:0.16314267 29421.8:0.06797895 29421.7:0.23401846 29421.5:0.28639276
""",
    "asks": """
29430.3:8.25215653 29430.4:2.55637606 29430.5:0.29975980 29430.9:2.56473216 29431.0:0.00011662
29431.1:0.00100000 29432.3:0.02410000 29432.4:0.02210682 29432.5:3.39761477 29433.1:0.01021497
""",
}
# Number, side, entries in wire order, checksum.
L2_D_UPDATES = """
1 a 29431.1:0.00000000 29433.3:0.80000000 29430.6:0.00100000 3547452596
2 a 29430.3:8.25182177 3111681483
3 b 29423.0:2.54902601 434883881
4 b 29424.2:0.80000000 2141748964
5 b 29421.9:0.02750000 2966524335
6 a 29430.3:7.45182177 4170926643
7 a 29430.3:6.65182177 51267546
8 a 29430.3:6.50182177 3499372723
9 b 29423.2:0.06110000 829509205
10 a 29430.3:6.39889189 2575724647
11 b 29423.0:0.00000000 29421.9:0.02750000 1708619586
12 a 29432.5:0.00000000 29433.3:0.80000000 2064147547
13 a 29430.3:6.14889189 3248506947
14 a 29430.3:5.94889189 3290095092
15 a 29432.3:0.00000000 29433.8:0.02062349 884262017
16 b 29423.2:0.00000000 29421.8:0.06797895 29425.0:0.06120000 3465998073
17 b 29423.6:0.03550000 4178955633
18 a 29430.3:5.93889189 1130950871
19 a 29430.3:5.42909189 1324909804
20 a 29430.5:0.00952495 2347856695
21 a 29433.3:0.00000000 29434.5:0.02168190 1333065388
22 a 29430.9:0.01638449 1884709270
23 b 29424.3:0.22774047 1281351083
24 a 29430.3:5.41909189 3313191351
25 a 29432.4:0.53190682 2011718228
26 b 29425.1:0.03330000 2504165095
27 a 29430.4:0.00798334 4147819640
28 a 29431.8:2.54827215 3026433974
29 b 29428.4:2.54855173 1959946198
30 a 29433.7:2.54810603 3988510202
31 b 29425.8:2.54878174 2061047864
32 a 29431.8:0.00000000 29433.8:0.02062349 1261648941
33 b 29425.0:0.00000000 29424.2:0.80000000 29428.4:2.60975173 3243793481
34 a 29433.7:0.00000000 29434.5:0.02168190 2693964730
35 b 29427.2:0.80000000 283681224
36 b 29426.6:0.02410000 1158583091
37 b 29428.4:0.06120000 2758766176
38 a 29432.4:0.02210682 341213691
39 a 29433.1:0.00000000 29434.7:0.01087448 2261052273
40 a 29433.3:0.80000000 1062636940
41 b 29428.1:0.03310000 1724980934
42 a 29430.3:4.58222189 4058075708
43 a 29430.3:3.83222189 2445244183
44 b 29425.8:0.00000000 29425.1:0.03330000 1485510186
45 a 29430.3:3.79722189 3112161327
46 b 29427.4:0.00000000 29424.6:0.00416130 29428.5:0.00100000 1783858413
47 a 29430.6:0.00000000 29434.7:0.01087448 29431.3:0.00100000 3589547077
48 a 29434.4:2.54804313 3645399998
49 b 29427.3:2.54864674 3755418263
50 b 29430.0:2.54841674 2045457100
51 b 29429.6:0.02991621 4184453960
52 b 29427.2:0.00000000 29425.7:0.67945399 3430940914
53 a 29434.4:0.00000000 29434.5:0.02168190 2505460034
54 a 29430.3:3.69722189 2589640798
55 a 29430.3:4.53409189 3984983856
56 b 29428.5:0.00000000 29425.1:0.03330000 29427.8:0.00100000 2437279608
57 a 29430.3:4.52409189 2638071601
58 a 29430.3:3.16450013 22011260
59 a 29431.3:0.00000000 29434.7:0.01087448 29430.7:0.00100000 2356860215
60 a 29433.3:0.00000000 29435.3:0.29023485 3606773811
61 b 29427.3:0.00000000 29425.1:0.03330000 2548529489
62 b 29428.4:0.00000000 29424.6:0.00416130 2928323328
63 b 29427.4:0.22774047 2914504986
64 b 29427.2:0.80000000 1668677963
"""
L2_E = {
    "bids": """
29430.3:6.67805344 29430.2:10.87467991 29430.1:4.30567134 29430.0:2.54841674 29429.9:0.37632116
29429.6:0.02991621 29429.5:5.94639631 29428.7:4.07804248 29428.1:0.03310000 29427.2:0.80000000
""",
    "asks": """
29430.4:0.00798334 29430.5:0.00952495 29430.9:0.01638449 29431.0:0.00011662 29432.4:0.02210682
29433.8:0.02062349 29434.5:0.02168190 29441.0:0.00028257 29441.2:0.00172998 29442.0:4.00000000
""",
}
# One quantity for all levels.
C1 = {
    "bids": " ".join(
        f"0.0{price}:0.00000500" for price in (5000, 4995, 4990, 4980, 4975, 4970, 4965, 4960, 4955, 4950)
    ),
    "asks": " ".join(f"0.0{price}:0.00000500" for price in range(5005, 5055, 5)),
}
C2 = {
    "bids": """
28003.0:0.00100000 27999.9:0.00096375 27969.9:0.73860423 27700.1:0.00350000 27573.2:0.00320000 27137.4:0.01000000
27091.3:0.00400000 26729.4:0.00100000 26702.6:0.00100000 26675.9:0.00100000
""",
    "asks": """
28013.0:0.00096506 28039.8:0.00100000 28066.5:0.00100000 28093.3:0.00100000 28120.0:0.00100000 28146.7:0.00100000
28173.5:0.00100000 28200.2:0.00100000 28227.0:0.00100000 28253.7:0.00100000
""",
}
S5 = {
    "bids": " ".join(f"{99 - i // 10 + (i == 0)}.{(10 - i) % 10}:2" for i in range(12)),
    "asks": " ".join(f"{100 + i // 10}.{i % 10}:1" for i in range(1, 13)),
}


def entry(levels: dict[str, str], checksum: int) -> dict:
    """What `ujson.loads` makes of a message with these levels: numbers are floats or integers."""
    wire = {
        name: [dict(zip(("price", "qty"), map(ujson.loads, level.split(":")), strict=True)) for level in side.split()]
        for name, side in levels.items()
    }
    return {"symbol": "TEST/USD", "bids": [], "asks": [], **wire, "checksum": checksum}


def reducer(price_precision: int, qty_precision: int, depth: int = 10) -> BookReducer:
    return BookReducer("TEST/USD", depth, price_precision=price_precision, qty_precision=qty_precision)


@pytest.mark.parametrize(
    ("levels", "digits", "checksum"),
    [
        pytest.param(L2_A, (1, 8), 3310070434, id="L2-A, official guide"),
        pytest.param(L2_B, (4, 8), 2439117997, id="L2-B, zeros lost in print"),
        pytest.param(C1, (5, 8), 974947235, id="C1, leading zeros"),
        pytest.param(C2, (1, 8), 3341325816, id="C2, FIX guide"),
        pytest.param({}, (3, 5), 0, id="S1, empty"),
        pytest.param({"asks": "101.5:0.25 102.0:1"}, (1, 8), 2641785545, id="S2, no bids"),
        pytest.param(
            {"asks": "0.00001234:1500000.5 0.00001240:20", "bids": "0.00001230:7.00000001"},
            (8, 8), 3216873188, id="S3, tiny prices",
        ),
        pytest.param({"asks": "100:1 105:10", "bids": "99:0.5 9:3"}, (0, 8), 3163393697, id="S4, whole prices"),
        pytest.param(L2_D, (1, 8), 2785033588, id="L2-D, live"),
        pytest.param(L2_E, (1, 8), 2172276412, id="L2-E, live"),
    ],
)  # fmt: skip
def test_each_vector_has_its_checksum(levels, digits, checksum):
    book = reducer(*digits).apply(entry(levels, checksum), "snapshot", None, 1.0, 1)
    assert book is not None
    assert (book.verified, book.checksum) == (True, checksum)


def test_ten_levels_count_whatever_the_depth():
    """Twelve levels a side are kept at depth 25, and the checksum still covers ten (vector S5)."""
    book = reducer(1, 8, depth=25).apply(entry(S5, 588826438), "snapshot", None, 1.0, 1)
    assert book is not None
    assert (len(book.bids), len(book.asks), book.verified) == (12, 12, True)


def test_an_update_follows_the_official_example():
    """The update of the documentation's MATIC/USD book (vector L2-B) changes the tenth bid only."""
    books = reducer(4, 8)
    books.apply(entry(L2_B, 2439117997), "snapshot", None, 1.0, 1)
    book = books.apply(entry({"bids": "0.5657:1098.3947558"}, 2114181697), "update", None, 2.0, 1)
    assert book is not None
    assert (book.verified, str(book.bids[9].qty)) == (True, "1098.39475580")


def test_sixty_four_live_updates_verify_one_by_one():
    """From the recorded snapshot on (vector L2-D), every line's checksum matches after its entries and the cut."""
    books = reducer(1, 8)
    books.apply(entry(L2_D, 2785033588), "snapshot", None, 1.0, 1)
    verified = []
    for line in L2_D_UPDATES.split("\n")[1:-1]:
        number, side, *levels, checksum = line.split()
        name = {"a": "asks", "b": "bids"}[side]
        if books.apply(entry({name: " ".join(levels)}, int(checksum)), "update", None, 1.0, 1):
            verified.append(int(number))
    assert verified == list(range(1, 65))


def test_without_the_cut_update_60_is_the_first_to_fail():
    """The same book kept at a depth it was not subscribed with never cuts, and computes 714574409 there."""
    books = reducer(1, 8, depth=1000)
    books.apply(entry(L2_D, 2785033588), "snapshot", None, 1.0, 1)
    for line in L2_D_UPDATES.split("\n")[1:-1]:
        number, side, *levels, checksum = line.split()
        name = {"a": "asks", "b": "bids"}[side]
        if books.apply(entry({name: " ".join(levels)}, int(checksum)), "update", None, 1.0, 1) is None:
            break
    assert number == "60"
    assert isinstance(books.last_error, ChecksumMismatch)
    assert books.last_error.computed == 714574409


def test_the_last_entry_of_a_price_wins():
    """One live message names 29430.3 twice (vector L2-E): the later quantity is the one in the checksum."""
    books = reducer(1, 8)
    books.apply(entry(L2_E, 2172276412), "snapshot", None, 1.0, 1)
    book = books.apply(entry({"bids": "29430.3:6.64305344 29430.3:6.56805344"}, 3393952446), "update", None, 1.0, 1)
    assert book is not None
    assert str(book.best_bid.qty) == "6.56805344"


@pytest.mark.parametrize(
    ("levels", "digits", "mistaken"),
    [
        pytest.param(L2_A, (1, 8), 1604409348, id="L2-A as str(float) writes it"),
        pytest.param(L2_B, (4, 8), 3830085102, id="L2-B without padding"),
    ],
)
def test_the_checksum_of_text_without_its_zeros_is_refused(levels, digits, mistaken):
    books = reducer(*digits)
    assert books.apply(entry(levels, mistaken), "snapshot", None, 1.0, 1) is None
    assert (books.needs_resync, books.counters.mismatched) == (True, 1)
