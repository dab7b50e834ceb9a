"""QuantService: raw exchange frames go in, audited profit and loss comes out."""

__version__ = "0.1.0"
