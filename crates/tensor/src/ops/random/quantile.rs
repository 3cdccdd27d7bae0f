//! The normal distribution between two standard deviations.

use crate::ops::math;

/// The probability below -2.
const BELOW: f64 = 0.022_750_131_948_179_21;

/// The number below which lies the share `p` of a standard normal distribution that is cut off
/// beyond ±2, by algorithm AS 241 (Wichura, 1988) with about 16 digits.
#[inline(always)]
pub(super) fn truncated_normal(p: f64) -> f64 {
    let q = (p - 0.5) * (1.0 - 2.0 * BELOW);
    let r = 0.180_625 - q * q;
    let centre = q * polynomial(&CENTRE_ABOVE, r) / polynomial(&CENTRE_BELOW, r);
    let r = (-math::log(0.5 - q.abs())).sqrt() - 1.6;
    let tail = polynomial(&TAIL_ABOVE, r) / polynomial(&TAIL_BELOW, r);
    // Both, so that vectors need no branch.
    if q.abs() <= 0.425 { centre } else { tail.copysign(q) }
}

#[inline(always)]
fn polynomial(coefficients: &[f64; 8], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, &c| sum * x + c)
}

const CENTRE_ABOVE: [f64; 8] = [
    3.387_132_872_796_366_5,
    133.141_667_891_784_38,
    1_971.590_950_306_551_3,
    13_731.693_765_509_46,
    45_921.953_931_549_87,
    67_265.770_927_008_7,
    33_430.575_583_588_13,
    2_509.080_928_730_122_7,
];
const CENTRE_BELOW: [f64; 8] = [
    1.0,
    42.313_330_701_600_91,
    687.187_007_492_057_9,
    5_394.196_021_424_751,
    21_213.794_301_586_597,
    39_307.895_800_092_71,
    28_729.085_735_721_943,
    5_226.495_278_852_854,
];
const TAIL_ABOVE: [f64; 8] = [
    1.423_437_110_749_683_7,
    4.630_337_846_156_546,
    5.769_497_221_460_691,
    3.647_848_324_763_204_5,
    1.270_458_252_452_368_4,
    0.241_780_725_177_450_6,
    0.022_723_844_989_269_184,
    0.000_774_545_014_278_341_4,
];
const TAIL_BELOW: [f64; 8] = [
    1.0,
    2.053_191_626_637_759,
    1.676_384_830_183_803_8,
    0.689_767_334_985_1,
    0.148_103_976_427_480_08,
    0.015_198_666_563_616_457,
    0.000_547_593_808_499_534_5,
    1.050_750_071_644_416_9e-9,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_normal_distribution() {
        // (share of the whole normal distribution, number), of tables.
        let known = [
            (0.5, 0.0),
            (0.6, 0.253_347_103_135_799_7),
            (0.75, 0.674_489_750_196_081_7),
            (0.9, 1.281_551_565_544_600_4),
            (0.95, 1.644_853_626_951_472_2),
            (0.975, 1.959_963_984_540_054),
        ];
        for (share, number) in known {
            let p = (share - BELOW) / (1.0 - 2.0 * BELOW);
            assert!((truncated_normal(p) - number).abs() < 1e-14, "{share}");
            assert!((truncated_normal(1.0 - p) + number).abs() < 1e-14, "{share}");
        }
        assert!((truncated_normal(1.0) - 2.0).abs() < 1e-14);
        assert!((truncated_normal(0.0) + 2.0).abs() < 1e-14);
    }
}
