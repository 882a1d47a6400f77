"""Columns that are no attributes: those of roles, of other loaders, and named like secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_userflow.mapping.secret_names import is_secret, is_secret_value

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Collection, Mapping

WITHHELD = "a value below a key that is named like a secret was not sent"
"""The remark on such a value outside of the SCHEMA's columns, or inside of an object."""
_LOADERS = "_sdc_", "__sdc_", "_fivetran_", "_airbyte_", "_ab_", "_dlt_"  # in any case


class UnsentColumns:
    """Decides which columns of one stream, and which keys of its objects, are no attributes."""

    def __init__(
        self,
        properties: Mapping[str, Any],
        left_out: Collection[str],
        send: Collection[str],
        remarks: Counter[str],
    ) -> None:
        """Sort the columns of the SCHEMA.

        Args:
            properties: The columns with their JSON schemas.
            left_out: The columns that have a role.
            send: The columns that are sent whatever their names say.
            remarks: Counts the values that are withheld, by the remark on them.
        """
        free = [name for name in properties if name not in {*left_out, *send}]
        self.of_loaders = [name for name in free if is_of_loader(name)]
        """The columns that other loaders have added."""
        self.secrets = [name for name in free if is_secret(name, properties[name])]
        """The columns that are named like secrets."""
        self.known = {*left_out, *self.of_loaders, *self.secrets}
        """The columns of the SCHEMA that are no attributes."""
        self._send = frozenset(send)
        self._named = {*properties, *send}
        self._remarks = remarks

    def includes(self, column: str, value: Any) -> bool:
        """Return whether a column of a record is no attribute; a withheld value is remarked."""
        if column in self.known or (is_of_loader(column) and column not in self._send):
            return True
        return self.withholds(column, value)

    def includes_late(self, column: str, value: Any) -> bool:
        """Return whether a column outside of the SCHEMA is not sent because of its name."""
        return column not in self._send and (is_of_loader(column) or self._is_secret(column, value))

    def withholds(self, name: str, value: Any) -> bool:
        """Return whether a name is that of a secret, so that its value is not sent; remark it.

        Args:
            name: The name of a column, or of an attribute that an object is flattened to.
            value: The value: a text or null, or of some names a number.
        """
        is_withheld = self._is_secret(name, value)
        if is_withheld and value is not None:
            self._remarks[WITHHELD] += 1
        return is_withheld

    def _is_secret(self, name: str, value: Any) -> bool:
        return is_secret_value(name, value) and name not in self._named


def is_of_loader(column: str) -> bool:
    """Return whether a tap or another loader adds it to each row: `_sdc_lsn`, `_dlt_id`."""
    return column.lower().startswith(_LOADERS)
