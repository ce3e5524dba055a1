//! What the operating system knows of this process and machine. Linux tells through `/proc`; elsewhere it is unknown.

/// Ticks a second of the times in `/proc/self/stat`, on every Linux that programs see.
const TICKS: f64 = 100.0;

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// Seconds since this process was started.
pub fn process_age_s() -> Option<f64> {
    let uptime: f64 = read("/proc/uptime")?.split_whitespace().next()?.parse().ok()?;
    Some(uptime - start_ticks(&read("/proc/self/stat")?)? / TICKS)
}

/// The 22nd field; the second is a name in brackets that may hold anything.
fn start_ticks(stat: &str) -> Option<f64> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// The most memory that this process has had in use, in bytes.
pub fn peak_memory() -> Option<u64> {
    peak_of(&read("/proc/self/status")?)
}

fn peak_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// What the processor calls itself.
pub fn processor() -> Option<String> {
    let text = read("/proc/cpuinfo")?;
    let line = text.lines().find_map(|line| line.strip_prefix("model name"))?;
    Some(line.split_once(':')?.1.trim().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_system_are_understood() {
        let stat = "7 (a) b) R 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4321 20 21";
        assert_eq!(start_ticks(stat), Some(4321.0));
        assert_eq!(start_ticks("7 (a"), None);
        assert_eq!(peak_of("VmPeak:\t 9 kB\nVmHWM:\t  2048 kB\n"), Some(2 << 20));
        assert_eq!(peak_of("VmPeak:\t 9 kB\n"), None);
    }
}
