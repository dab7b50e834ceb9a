"""The engine's memory: one float64 table per kind of thing, and the name of every column.

Tables of floats instead of objects: compiled code reads a column by a constant, the state can be copied, and nothing is
allocated while it runs. Words that are passed as arguments are floats too: numba compiles a function anew for every whole number
that it is called with. ``S`` instruments have ``S * sides`` legs: one side each in one-way mode, two (long, short) in hedge mode.
"""

from __future__ import annotations

from typing import Final

# --- prices (rows, S, 5) and what a row is ---------------------------------------------------------------------------------
OPEN: Final = 0
HIGH: Final = 1
LOW: Final = 2
CLOSE: Final = 3
VOLUME: Final = 4
# where prices are looked at: floats, because compiled code would be made anew for every whole number that is passed
AT_OPEN: Final = 0.0
AT_LOWS: Final = -1.0
AT_HIGHS: Final = 1.0
TAKER: Final = 0.0
MAKER: Final = 1.0
PRESENT: Final = 1
SYNTHETIC: Final = 2
STALE: Final = 4
LAST: Final = 8  # the instrument's last row although the clock goes on

# --- settings: one vector, constant during a run ---------------------------------------------------------------------------
C_TARGETS: Final = 0  # whether there is a table of targets
C_TIERED: Final = 1  # whether fees depend on the traded volume
C_FILL_SIZING: Final = 2
C_ALWAYS: Final = 3
C_DRIFT: Final = 4
C_CROSS: Final = 5
C_LATENCY: Final = 6
C_ROW_MS: Final = 7
C_BAR_MS: Final = 8
C_CAP: Final = 9
C_THROUGH: Final = 10
C_LIQUIDATION_FEE: Final = 11
C_RULES: Final = 12
C_UNFIT: Final = 13  # bits of a row on which orders do not fill
C_CLOSE_FILL: Final = 14
C_SLIPPAGE: Final = 15
C_BPS: Final = 16
C_COEFFICIENT: Final = 17
C_RECORD: Final = 18
C_CURVE: Final = 19
C_FIRST_EVENT: Final = 20
C_END_EVENT: Final = 21
C_TELL: Final = 22  # whether accepted orders are told too
C_MARGIN: Final = 23  # whether any instrument is margined
C_CONVERTS: Final = 24  # whether a settlement currency moves against the reporting currency
C_SUMS: Final = 25  # whether the sums of a sweep are kept
C_PLAIN: Final = 26  # one instrument, one currency, one row per bar
C_SIZE: Final = 27
SLIPPAGE_MODELS: Final = ("none", "fixed", "spread", "volume_share", "sqrt_impact", "book")
SPREAD: Final = 2
VOLUME_SHARE: Final = 3
SQRT_IMPACT: Final = 4
BOOK: Final = 5

# --- counters and pointers: int64 -------------------------------------------------------------------------------------------
N_BAR: Final = 0  # the last bar begun
N_ROW: Final = 1
N_NOW: Final = 2
N_EVENT: Final = 3
N_NEXT: Final = 4  # when the next calendar event is due
N_JOURNAL: Final = 5
N_ORDER: Final = 6  # ids given
N_OPEN: Final = 7
N_PENDING: Final = 8
N_REQUEST: Final = 9
N_DAY: Final = 10
N_DONE: Final = 11  # closed orders that still stand in the table
N_AT_CLOSE: Final = 12  # whether orders fill at the close just now
N_HELD: Final = 13  # legs that are not flat
N_ASKED: Final = 14  # requests in the table
N_SHORTS: Final = 15  # short targets on spot, taken as flat
N_JOURNAL_END: Final = 16
N_ORDERS_END: Final = 17
N_IDLE: Final = 18  # targets of instruments that did not trade, ignored
N_LIQUIDATION: Final = 19  # where the last liquidation stands in the journal
N_HEAPED: Final = 20  # bars that wait to be added up
N_SIZE: Final = 21

# --- currencies: (C, ...) ---------------------------------------------------------------------------------------------------
W_BALANCE: Final = 0
W_SOURCE: Final = 1  # price row that converts into the reporting currency; -1: one to one
W_RATE: Final = 2
W_LOW: Final = 3
W_HIGH: Final = 4
W_INSURED: Final = 5
W_COLUMNS: Final = 6

# --- instruments: (S, ...) --------------------------------------------------------------------------------------------------
I_MARK: Final = 0
I_LEFT: Final = 1  # volume that fills may still take in this row
I_TICK: Final = 2
I_LOT: Final = 3
I_MIN_QUANTITY: Final = 4
I_MIN_NOTIONAL: Final = 5
I_SIZE: Final = 6
I_INVERSE: Final = 7
I_CURRENCY: Final = 8
I_SPOT: Final = 9
I_MAKER: Final = 10
I_TAKER: Final = 11
I_TIERS: Final = 12  # first row of its margin tiers in the tables, and the row after the last
I_TIERS_END: Final = 13
I_LEVERAGE: Final = 14
I_FEES: Final = 15
I_FEES_END: Final = 16
I_FIT: Final = 17  # whether orders may fill in this row
I_STATUS: Final = 18
I_ROW: Final = 19  # the row whose volume I_LEFT is of
I_COLUMNS: Final = 20

# --- legs: (S * sides, ...) -------------------------------------------------------------------------------------------------
L_QUANTITY: Final = 0
L_COST: Final = 1
L_MARGIN: Final = 2
L_LIQUIDATION: Final = 3
L_WANTED: Final = 4
L_PENDING: Final = 5
L_TO_FILL: Final = 6
L_TARGET: Final = 7
L_ARRIVAL: Final = 8
L_ORDER: Final = 9
L_ORDER_TAG: Final = 10
L_ORDERED: Final = 11
L_FILLED: Final = 12
L_FILLED_VALUE: Final = 13
L_ORDER_FEE: Final = 14
L_ORDER_BAR: Final = 15
L_ORDER_TIME: Final = 16
L_HELD: Final = 17  # what limit orders may still reduce in this row: what was held after the open
T_ENTERED: Final = 18
T_ENTRY_VALUE: Final = 19
T_EXITED: Final = 20
T_EXIT_VALUE: Final = 21
T_GROSS: Final = 22
T_FEES: Final = 23
T_FUNDING: Final = 24
T_SLIPPAGE: Final = 25
T_TIME: Final = 26
T_BAR: Final = 27
T_LOWEST: Final = 28
T_HIGHEST: Final = 29
T_TAG: Final = 30
L_COLUMNS: Final = 31

# --- open orders: (capacity, ...), in the order of their ids ----------------------------------------------------------------
O_ID: Final = 0
O_INSTRUMENT: Final = 1
O_LEG: Final = 2  # 0 or 1
O_SIDE: Final = 3
O_TYPE: Final = 4
O_QUANTITY: Final = 5
O_LEFT: Final = 6
O_LIMIT: Final = 7
O_STOP: Final = 8
O_TRAIL: Final = 9
O_BEST: Final = 10
O_POST: Final = 11
O_REDUCE: Final = 12
O_FORCE: Final = 13
O_EXPIRE: Final = 14
O_GROUP: Final = 15
O_TAG: Final = 16
O_ARRIVAL: Final = 17
O_STATUS: Final = 18
O_VALUE: Final = 19
O_FEE: Final = 20
O_BAR: Final = 21
O_TIME: Final = 22
O_CANCEL: Final = 23
O_SKIP: Final = 24
O_CLIP: Final = 25  # a fraction of the equity was asked: what cannot be paid is left away instead of refused
O_COLUMNS: Final = 26

TRAVELLING: Final = 0.0
RESTING: Final = 1.0
LIMITED: Final = 2.0  # a stop-limit whose stop was reached
AT_MARKET: Final = 3.0  # triggered or unfilled: the rest fills at the next open
CLOSED: Final = 4.0

SIGNAL: Final = 0.0
MARKET: Final = 1.0
LIMIT: Final = 2.0
STOP: Final = 3.0
STOP_LIMIT: Final = 4.0
TRAILING: Final = 5.0
TAKE_PROFIT: Final = 6.0
LIQUIDATED: Final = 7.0
DELISTED: Final = 8.0
STILL_OPEN: Final = 9.0

GTC: Final = 0.0
GTD: Final = 1.0
IOC: Final = 2.0  # from here on: at once or not at all
FOK: Final = 3.0
FORCES: Final = ("GTC", "GTD", "IOC", "FOK")

ACCEPTED: Final = 0.0
PARTIAL: Final = 1.0
FILLED: Final = 2.0
CANCELLED: Final = 3.0
EXPIRED: Final = 4.0
REJECTED: Final = 5.0

# --- why an order was not filled whole: indices of records.ORDER_REASONS ----------------------------------------------------
WHY_QUANTITY: Final = 1.0
WHY_NOTIONAL: Final = 2.0
WHY_MARGIN: Final = 3.0
WHY_SPOT: Final = 4.0
WHY_POST: Final = 5.0
WHY_NOTHING: Final = 6.0
WHY_CANCELLED: Final = 7.0
WHY_GROUP: Final = 8.0
WHY_CLOSED: Final = 9.0
WHY_TIME: Final = 10.0
WHY_AT_ONCE: Final = 11.0
WHY_REPLACED: Final = 12.0
WHY_NOT_TRADING: Final = 13.0
WHY_LIQUIDATED: Final = 14.0
WHY_LARGEST: Final = 15.0
WHY_END: Final = 16.0
WHY_SIDE: Final = 17.0

# --- requests: what strategies ask, (n, ...), in the order of their bars ----------------------------------------------------
R_BAR: Final = 0
R_KIND: Final = 1
R_INSTRUMENT: Final = 2
R_LEG: Final = 3
R_SIDE: Final = 4
R_TYPE: Final = 5
R_QUANTITY: Final = 6  # of a signal: the target
R_FRACTION: Final = 7
R_LIMIT: Final = 8
R_STOP: Final = 9
R_TRAIL: Final = 10
R_POST: Final = 11
R_REDUCE: Final = 12
R_FORCE: Final = 13
R_EXPIRE: Final = 14
R_GROUP: Final = 15
R_TAG: Final = 16
R_COLUMNS: Final = 17
ASK_SIGNAL: Final = 0
ASK_ORDER: Final = 1
ASK_CANCEL: Final = 2

# --- the journal: (capacity, J_COLUMNS); the first column says which record it is, the others are the record's in its order -
J_FILL: Final = 1.0
J_TRADE: Final = 2.0
J_FUNDING: Final = 3.0
J_LIQUIDATION: Final = 4.0
J_ORDER: Final = 5.0
J_ACCEPTED: Final = 6.0
J_COLUMNS: Final = 25

# --- the calendar in the tables: (rows, 6), sorted by time ------------------------------------------------------------------
E_TIME: Final = 0
E_KIND: Final = 1
E_INSTRUMENT: Final = 2
E_FIRST: Final = 3
E_SECOND: Final = 4
E_THIRD: Final = 5
EVENT_RULES: Final = 0
EVENT_TIERS: Final = 1
EVENT_FEES: Final = 2
EVENT_STATUS: Final = 3
EVENT_FUNDING: Final = 4
TABLE_COLUMNS: Final = 6
# margin tiers in the tables
B_FLOOR: Final = 0
B_CAP: Final = 1
B_RATE: Final = 2
B_LEVERAGE: Final = 3
B_AMOUNT: Final = 4

# --- the curve: (6, T), each column in one piece; of a sweep (HEAP, 6) -------------------------------------------------------
V_EQUITY: Final = 0
V_WORST: Final = 1
V_CASH: Final = 2
V_GROSS: Final = 3
V_NET: Final = 4
V_MARGIN: Final = 5
V_COLUMNS: Final = 6
HEAP: Final = 1_024  # bars that a sweep adds up together: there V_CASH is the bar, V_GROSS whether something is held

# --- what a sweep adds up ---------------------------------------------------------------------------------------------------
SUM_FILL: Final = 1.0
SUM_TRADE: Final = 2.0
SUM_FUNDING: Final = 3.0
SUM_LIQUIDATION: Final = 4.0

# --- what is kept while it runs ---------------------------------------------------------------------------------------------
S_REJECTED: Final = 0
S_EQUITY: Final = 1
S_BAR_WORST: Final = 2
S_WHY: Final = 3  # why less was filled than asked
S_DONE: Final = 4  # what the last execution filled: quantity, quantity times price, fees
S_DONE_VALUE: Final = 5
S_DONE_FEE: Final = 6
S_PRICE: Final = 7  # what a taker pays after slippage
S_VOLUME: Final = 8  # of the last 31 days, a ring
S_SIZE: Final = 39
