"""Genes of a panel that is sold for tumour RNA, under today's symbols."""

from __future__ import annotations

# Parker et al. (2009). Supervised risk predictor of breast cancer based on intrinsic subtypes. Journal of Clinical
# Oncology. Renamed since: CDCA1 is NUF2, KNTC2 is NDC80, ORC6L is ORC6.
PAM50 = tuple(
    "ACTR3B ANLN BAG1 BCL2 BIRC5 BLVRA CCNB1 CCNE1 CDC20 CDC6 CDH3 CENPF CEP55 CXXC5 EGFR ERBB2 ESR1 EXO1 FGFR4 FOXA1 "
    "FOXC1 GPR160 GRB7 KIF2C KRT14 KRT17 KRT5 MAPT MDM2 MELK MIA MKI67 MLPH MMP11 MYBL2 MYC NAT1 NDC80 NUF2 ORC6 PGR "
    "PHGDH PTTG1 RRM2 SFRP1 SLC39A6 TMEM45B TYMS UBE2C UBE2T".split()
)
