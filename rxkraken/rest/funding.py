"""The remaining private calls: deposits, withdrawals, transfers, earning, reports, subaccounts.

The references do not describe these answers, so each returns what Kraken sends: decoded, with every number exact.
What moves money or makes something new is never sent twice (`OutcomeUnknown` when its answer is lost).
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Literal

from rxkraken.rest.caller import Caller, names

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from rxkraken.rest.call import RestCall
    from rxkraken.rest.wire import Number, Params

Method = Literal["allocate", "deallocate"]


class FundingCalls(Caller):
    """Money in, money out, and what else the account can do. Each method returns a `RestCall` of the decoded answer."""

    def deposit_methods(self, asset: str, *, extra: Params | None = None) -> RestCall[Any]:
        """`DepositMethods`: the ways to deposit an asset."""
        return self._plain("DepositMethods", {"asset": asset}, extra)

    def deposit_addresses(
        self, asset: str, method: str, *, new: bool | None = None, extra: Params | None = None
    ) -> RestCall[Any]:
        """`DepositAddresses`: where to deposit by one method; `new=True` makes another address."""
        return self._plain("DepositAddresses", {"asset": asset, "method": method, "new": new}, extra)

    def deposit_status(
        self, asset: str | None = None, *, method: str | None = None, extra: Params | None = None
    ) -> RestCall[Any]:
        """`DepositStatus`: recent deposits and how far they are."""
        return self._plain("DepositStatus", {"asset": asset, "method": method}, extra)

    def withdraw_methods(self, asset: str | None = None, *, extra: Params | None = None) -> RestCall[Any]:
        """`WithdrawMethods`: the ways to withdraw."""
        return self._plain("WithdrawMethods", {"asset": asset}, extra)

    def withdraw_addresses(
        self, asset: str | None = None, *, method: str | None = None, extra: Params | None = None
    ) -> RestCall[Any]:
        """`WithdrawAddresses`: the withdrawal addresses that the account holder has set up."""
        return self._plain("WithdrawAddresses", {"asset": asset, "method": method}, extra)

    def withdraw_info(self, asset: str, key: str, amount: Number, *, extra: Params | None = None) -> RestCall[Any]:
        """`WithdrawInfo`: limit and fee of a withdrawal to the address named `key`; moves nothing."""
        return self._plain("WithdrawInfo", {"asset": asset, "key": key, "amount": amount}, extra)

    def withdraw(self, asset: str, key: str, amount: Number, *, extra: Params | None = None) -> RestCall[Any]:
        """`Withdraw`: send money to the address named `key`. Sent once; `OutcomeUnknown` when its answer is lost."""
        return self._plain("Withdraw", {"asset": asset, "key": key, "amount": amount}, extra)

    def withdraw_status(
        self, asset: str | None = None, *, method: str | None = None, extra: Params | None = None
    ) -> RestCall[Any]:
        """`WithdrawStatus`: recent withdrawals and how far they are."""
        return self._plain("WithdrawStatus", {"asset": asset, "method": method}, extra)

    def withdraw_cancel(self, asset: str, refid: str, *, extra: Params | None = None) -> RestCall[Any]:
        """`WithdrawCancel`: ask to stop a withdrawal that is not under way yet."""
        return self._plain("WithdrawCancel", {"asset": asset, "refid": refid}, extra)

    def wallet_transfer(
        self,
        asset: str,
        amount: Number,
        *,
        source: str = "Spot Wallet",
        target: str = "Futures Wallet",
        extra: Params | None = None,
    ) -> RestCall[Any]:
        """`WalletTransfer`: move money between the spot and the futures wallet."""
        params = {"asset": asset, "from": source, "to": target, "amount": amount}
        return self._plain("WalletTransfer", params, extra)

    def earn_strategies(self, asset: str | None = None, *, extra: Params | None = None) -> RestCall[Any]:
        """`Earn/Strategies`: what an asset can earn by."""
        return self._plain("Earn/Strategies", {"asset": asset}, extra)

    def earn_allocations(
        self, *, converted_asset: str | None = None, hide_zero: bool | None = None, extra: Params | None = None
    ) -> RestCall[Any]:
        """`Earn/Allocations`: what is allocated, valued in `converted_asset`."""
        params = {"converted_asset": converted_asset, "hide_zero_allocations": hide_zero}
        return self._plain("Earn/Allocations", params, extra)

    def earn_allocate(self, strategy_id: str, amount: Number, *, extra: Params | None = None) -> RestCall[Any]:
        """`Earn/Allocate`: put an amount to work."""
        return self._plain("Earn/Allocate", {"strategy_id": strategy_id, "amount": amount}, extra)

    def earn_deallocate(self, strategy_id: str, amount: Number, *, extra: Params | None = None) -> RestCall[Any]:
        """`Earn/Deallocate`: take an amount back."""
        return self._plain("Earn/Deallocate", {"strategy_id": strategy_id, "amount": amount}, extra)

    def earn_status(self, strategy_id: str, method: Method, *, extra: Params | None = None) -> RestCall[Any]:
        """`Earn/AllocateStatus` or `Earn/DeallocateStatus`: whether the last request of that kind is still pending."""
        name = "Earn/AllocateStatus" if method == "allocate" else "Earn/DeallocateStatus"
        return self._plain(name, {"strategy_id": strategy_id}, extra)

    def add_export(
        self,
        report: Literal["trades", "ledgers"],
        description: str,
        *,
        format: Literal["CSV", "TSV"] | None = None,  # noqa: A002 - Kraken's name
        fields: str | Iterable[str] | None = None,
        starttm: int | Decimal | None = None,
        endtm: int | Decimal | None = None,
        extra: Params | None = None,
    ) -> RestCall[Any]:
        """`AddExport`: order a report; the answer names its `id`."""
        params = {
            "report": report,
            "description": description,
            "format": format,
            "fields": names(fields, "fields"),
            "starttm": starttm,
            "endtm": endtm,
        }
        return self._plain("AddExport", params, extra)

    def export_status(self, report: Literal["trades", "ledgers"], *, extra: Params | None = None) -> RestCall[Any]:
        """`ExportStatus`: the reports that were ordered, and how far they are."""
        return self._plain("ExportStatus", {"report": report}, extra)

    @abstractmethod
    def retrieve_export(self, id: str, *, extra: Params | None = None) -> RestCall[bytes]:  # noqa: A002 - Kraken's name
        """`RetrieveExport`: the bytes of a finished report, a zip archive."""

    def remove_export(
        self,
        id: str,  # noqa: A002 - Kraken's name
        type: Literal["cancel", "delete"],  # noqa: A002 - Kraken's name
        *,
        extra: Params | None = None,
    ) -> RestCall[Any]:
        """`RemoveExport`: cancel a report that is being made, or delete a finished one."""
        return self._plain("RemoveExport", {"id": id, "type": type}, extra)

    def create_subaccount(self, username: str, email: str, *, extra: Params | None = None) -> RestCall[Any]:
        """`CreateSubaccount`: make a trading subaccount."""
        return self._plain("CreateSubaccount", {"username": username, "email": email}, extra)

    def account_transfer(
        self, asset: str, amount: Number, source: str, target: str, *, extra: Params | None = None
    ) -> RestCall[Any]:
        """`AccountTransfer`: move money between the main account and a subaccount, by their account ids."""
        params = {"asset": asset, "amount": amount, "from": source, "to": target}
        return self._plain("AccountTransfer", params, extra)

    def _plain(self, name: str, params: Params, extra: Params | None) -> RestCall[Any]:
        return self._call(name, params, lambda result: result, extra=extra)
