"""What an option for long contexts costs: the plan beside the one that is made without it."""

from dataclasses import dataclass, replace

from bfpack_spark.core.accounting import account
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.core.rules import Rules
from bfpack_spark.printable import option_of


@dataclass(frozen=True, kw_only=True)
class OptionCost:
    """Sequences and padding with an option and without it, all other options being the same."""

    option: str
    value: str
    num_sequences: int
    num_sequences_without: int
    num_padding: int
    num_padding_without: int

    @property
    def more_sequences(self) -> float:
        """Return how many more sequences the option makes, as a share of those without it."""
        return self.num_sequences / max(self.num_sequences_without, 1) - 1


def option_costs(histogram: Histogram, rules: Rules) -> tuple[OptionCost, ...]:
    """Return what each option costs that is off by default and is not off. The numbers are exact,
    since both plans are made on counts. Time: that of the packer on counts, once for each of them
    and once for all."""
    chosen, default = rules.chosen(), rules.defaults()
    if not chosen:
        return ()
    plan = account(histogram, rules)
    costs = []
    for name, value in chosen.items():
        without = account(histogram, replace(rules, **{name: default[name]}))
        costs.append(
            OptionCost(
                option=option_of(name),
                value=str(value),
                num_sequences=plan.num_sequences,
                num_sequences_without=without.num_sequences,
                num_padding=plan.num_padding,
                num_padding_without=without.num_padding,
            )
        )
    return tuple(costs)
