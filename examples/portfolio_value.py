"""What the account is worth in dollars, again with each fill and each change of a price."""

import asyncio

import reactivex as rx
from reactivex import operators as ops

import rxkraken as rk

PRICED = ["BTC/USD", "ETH/USD", "SOL/USD"]


def value(balances, prices):
    return balances.total("USD") + sum(balances.total(pair.split("/")[0]) * price for pair, price in prices.items())


async def main() -> None:
    async with rk.KrakenClient(credentials=rk.Credentials.from_env()) as client:
        prices = client.ticker(*PRICED, trigger="bbo").pipe(
            ops.scan(lambda table, tick: {**table, tick.symbol: tick.bid}, {}),
            ops.filter(lambda table: len(table) == len(PRICED)),
        )
        worth = rx.combine_latest(client.balances(gaps=False), prices)
        dollars = worth.pipe(ops.starmap(value), ops.distinct_until_changed(), ops.take(5))
        async for amount in rk.aiter(dollars):
            print(f"{amount:,.2f} USD")


asyncio.run(main())
