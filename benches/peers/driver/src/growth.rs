//! How cost grows: what `growth` printed, read and judged.

use std::str::FromStr;

/// What a peer makes large costs at most in proportion: within the noise.
const LINEAR: f64 = 1.1;

pub(crate) struct Curve {
    pub(crate) name: String,
    pub(crate) unit: String,
    pub(crate) is_peers: bool,
    pub(crate) points: Vec<(f64, f64)>,
}

impl Curve {
    /// The power of x with which y grows above what is there anyway, the least cost of
    /// the lower half of the points: the slope of a line through the logarithms of the
    /// upper half. What rises by less than a tenth is constant.
    pub(crate) fn exponent(&self) -> Option<f64> {
        let (lower, upper) = self.points.split_at(self.points.len() / 2);
        let (&(x_first, _), &(_, y_last)) = (self.points.first()?, self.points.last()?);
        let y_first = lower.iter().map(|(_, y)| *y).reduce(f64::min)?;
        if y_last < 1.1 * y_first {
            return Some(0.0);
        }
        let above = upper.iter().map(|(x, y)| (x - x_first, y - y_first));
        let upper: Vec<(f64, f64)> =
            above.filter(|(x, y)| *x > 0.0 && *y > 0.0).map(|(x, y)| (x.ln(), y.ln())).collect();
        if upper.len() < 2 {
            return None;
        }
        let count = upper.len() as f64;
        let mean = |pick: fn(&(f64, f64)) -> f64| upper.iter().map(pick).sum::<f64>() / count;
        let (x, y) = (mean(|point| point.0), mean(|point| point.1));
        let together: f64 = upper.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
        Some(together / upper.iter().map(|point| (point.0 - x).powi(2)).sum::<f64>())
    }

    pub(crate) fn is_linear(&self) -> bool {
        self.exponent().is_some_and(|exponent| exponent <= LINEAR)
    }
}

pub(crate) fn read(text: &str) -> Result<Vec<Curve>, String> {
    let mut curves: Vec<Curve> = Vec::new();
    for line in text.lines() {
        match line.split('\t').collect::<Vec<_>>().as_slice() {
            ["curve", name, unit, who] => {
                let (name, unit) = (name.to_string(), unit.to_string());
                curves.push(Curve { name, unit, is_peers: *who == "peer", points: Vec::new() });
            }
            [x, y] => {
                let number = |word: &str| f64::from_str(word).map_err(|_| format!("growth says {line:?}"));
                let point = (number(x)?, number(y)?);
                curves.last_mut().ok_or("growth says no name")?.points.push(point);
            }
            _ => return Err(format!("growth says {line:?}")),
        }
    }
    Ok(curves)
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn the_exponent_is_the_power_of_x_whatever_is_there_anyway() {
        for (power, is_linear) in [(0, true), (1, true), (2, false)] {
            let points = [0u64, 2, 4, 8, 16, 32].map(|x| format!("{x}\t{}\n", 100 + 3 * x.pow(power)));
            let curves = read(&format!("curve\ta name\tus\tpeer\n{}", points.concat())).unwrap();
            assert!((curves[0].exponent().unwrap() - f64::from(power)).abs() < 1e-9, "{power}");
            assert_eq!(curves[0].is_linear(), is_linear);
        }
    }

    #[test]
    fn what_is_no_curve_is_said() {
        assert!(read("1\t2\n").is_err());
        assert!(read("curve\ta\tb\tpeer\n1\tx\n").is_err());
        assert!(read("panicked\n").is_err());
    }
}
