//! An order of channels by a score that changes with every frame, kept still: tiles move when something has changed, not
//! because numbers are noisy.

use std::sync::Arc;

/// Time in which a smoothed score has gone most of the way (1 − 1/e) to a new value; and for so long it has to have left
/// its margin before it counts.
const SMOOTHING_S: f32 = 0.7;

/// The same of scores that say something only over many frames.
const SLOW_SMOOTHING_S: f32 = 3.0;

/// A frame counts for at most so long: where frames are rare, times are numbers of frames.
const LONGEST_STEP_S: f32 = 0.1;

/// Tiles move at most once in so long, all together.
const PACE_S: f32 = 1.0;

/// The margin around a score: this part of the score itself ...
const MARGIN: f32 = 0.12;

/// ... and this part of the largest magnitude in the layer.
const MARGIN_OF_LARGEST: f32 = 0.01;

/// A channel disappears after it has been unwanted for so long.
const HIDE_S: f32 = 2.0;

/// And comes back after it has been wanted for so long.
const SHOW_S: f32 = 0.3;

/// Channels in descending order of a score.
///
/// Each channel is ranked by a score that is *held*. It is exchanged for the smoothed one only when that has been further
/// away than a margin for some time (and once soon after the beginning, when smoothing has begun to work). So no two channels are ever in the wrong order by more than their two margins;
/// comparing neighbours alone would not do: scores that rise in steps below the margin could stand in any order for ever.
#[derive(Clone, Debug)]
pub struct Ranking {
    smoothing_s: f32,
    smoothed: Vec<f32>,
    held: Vec<f32>,
    /// Of smoothed scores that are outside their margins.
    away: Vec<Away>,
    since_move_s: f32,
    /// The first scores, which were not smoothed, are still to be replaced.
    is_new: bool,
    order: Arc<[u32]>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Away {
    seconds: f32,
    frames: u32,
    /// Of the scores in that time.
    sum: f32,
}

impl Ranking {
    /// One score a channel, the order of which counts at once; what is not finite comes last.
    pub fn new(scores: &[f32]) -> Self {
        let held: Vec<f32> = scores.iter().map(|score| sortable(*score)).collect();
        let order = sorted(&held);
        let away = vec![Away::default(); scores.len()];
        Self {
            smoothing_s: SMOOTHING_S,
            smoothed: held.clone(),
            held,
            away,
            since_move_s: 0.0,
            is_new: true,
            order,
        }
    }

    /// The same for scores of which a single frame says little, such as differences from the one before.
    pub fn slow(scores: &[f32]) -> Self {
        Self { smoothing_s: SLOW_SMOOTHING_S, ..Self::new(scores) }
    }

    /// The channels, largest score first; those with the same by number.
    pub fn order(&self) -> &Arc<[u32]> {
        &self.order
    }

    /// Takes the scores of the next frame, `elapsed_s` after the one before; as many as there were at first.
    pub fn observe(&mut self, scores: &[f32], elapsed_s: f32) {
        let elapsed_s = elapsed_s.clamp(0.0, LONGEST_STEP_S);
        let part = 1.0 - (-elapsed_s / self.smoothing_s).exp();
        for (smoothed, score) in self.smoothed.iter_mut().zip(scores) {
            *smoothed += (sortable(*score) - *smoothed) * part;
        }
        let largest = self.smoothed.iter().fold(0f32, |largest, score| largest.max(score.abs()));
        self.since_move_s += elapsed_s;
        let may_move = self.since_move_s >= PACE_S;
        let mut is_moved = false;
        let channels = self.held.iter_mut().zip(&mut self.smoothed).zip(&mut self.away);
        for (((held, smoothed), away), score) in channels.zip(scores) {
            let margin = MARGIN * held.abs() + MARGIN_OF_LARGEST * largest;
            if (*smoothed - *held).abs() <= margin {
                *away = Away::default();
                continue;
            }
            away.seconds += elapsed_s;
            away.frames += 1;
            away.sum += sortable(*score);
            if may_move && away.seconds >= self.smoothing_s {
                // The smoothed score is still on its way: this is where it will arrive.
                *held = away.sum / away.frames as f32;
                (*smoothed, *away, is_moved) = (*held, Away::default(), true);
            }
        }
        if may_move && std::mem::take(&mut self.is_new) {
            self.held.copy_from_slice(&self.smoothed);
            is_moved = true;
        }
        if is_moved {
            self.since_move_s = 0.0;
            self.order = sorted(&self.held);
        }
    }
}

/// Bounded, so that differences are finite.
fn sortable(score: f32) -> f32 {
    if score.is_nan() { -1e30 } else { score.clamp(-1e30, 1e30) }
}

fn sorted(scores: &[f32]) -> Arc<[u32]> {
    let mut order: Vec<u32> = (0..scores.len() as u32).collect();
    order.sort_by(|a, b| scores[*b as usize].total_cmp(&scores[*a as usize]));
    order.into()
}

/// Which channels are left out, without flickering.
#[derive(Clone, Debug)]
pub struct Presence {
    hidden: Vec<bool>,
    /// For how long a channel has been otherwise than it is shown.
    otherwise_s: Vec<f32>,
    since_move_s: f32,
}

impl Presence {
    /// One entry a channel, true where it is to be hidden; counts at once.
    pub fn new(unwanted: Vec<bool>) -> Self {
        Self { otherwise_s: vec![0.0; unwanted.len()], hidden: unwanted, since_move_s: 0.0 }
    }

    /// True for channels that are left out.
    pub fn hidden(&self) -> &[bool] {
        &self.hidden
    }

    /// Takes what is to be hidden on the next frame, `elapsed_s` after the one before.
    pub fn observe(&mut self, unwanted: &[bool], elapsed_s: f32) {
        let elapsed_s = elapsed_s.clamp(0.0, LONGEST_STEP_S);
        self.since_move_s += elapsed_s;
        let may_move = self.since_move_s >= PACE_S;
        for ((hidden, otherwise_s), unwanted) in
            self.hidden.iter_mut().zip(&mut self.otherwise_s).zip(unwanted)
        {
            if hidden == unwanted {
                *otherwise_s = 0.0;
                continue;
            }
            *otherwise_s += elapsed_s;
            if may_move && *otherwise_s >= if *hidden { SHOW_S } else { HIDE_S } {
                (*hidden, *otherwise_s, self.since_move_s) = (*unwanted, 0.0, 0.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME_S: f32 = 1.0 / 30.0;

    /// Numbers from −1 to 1 without a pattern.
    struct Noise(u64);

    impl Noise {
        fn next(&mut self) -> f32 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0
        }

        /// These scores, each up to a fifth off.
        fn spoil(&mut self, scores: &[f32]) -> Vec<f32> {
            scores.iter().map(|score| score * (1.0 + 0.2 * self.next())).collect()
        }
    }

    fn place(ranking: &Ranking, channel: u32) -> usize {
        ranking.order().iter().position(|other| *other == channel).unwrap()
    }

    #[test]
    fn the_first_order_is_exact() {
        let ranking = Ranking::new(&[1.0, f32::NAN, 3.0, 1.0, f32::INFINITY, -2.0]);
        assert_eq!(**ranking.order(), [4, 2, 0, 3, 5, 1]);
    }

    #[test]
    fn noise_moves_nothing_and_a_true_change_moves_only_what_changed() {
        // The scores of neighbours differ by 0.4 % of the largest: far less than the noise.
        let mut scores: Vec<f32> = (0..256).map(|channel| 10.0 - channel as f32 / 26.0).collect();
        let mut noise = Noise(7);
        let mut ranking = Ranking::new(&noise.spoil(&scores));
        // The first frame was noisy too: that is put right.
        for _ in 0..90 {
            ranking.observe(&noise.spoil(&scores), FRAME_S);
        }
        let settled = ranking.order().clone();
        for frame in 0..1800 {
            ranking.observe(&noise.spoil(&scores), FRAME_S);
            assert_eq!(*ranking.order(), settled, "frame {frame}");
        }
        // Sorted but for what cannot be told apart.
        for (place, channel) in settled.iter().enumerate() {
            assert!(place.abs_diff(*channel as usize) < 60, "{channel} at {place}");
        }

        (scores[200], scores[3]) = (14.0, 0.01);
        let mut moves = 0;
        for _ in 0..150 {
            let before = ranking.order().clone();
            ranking.observe(&noise.spoil(&scores), FRAME_S);
            moves += usize::from(before != *ranking.order());
        }
        assert_eq!((place(&ranking, 200), place(&ranking, 3)), (0, 255));
        assert!(moves <= 3, "{moves} moves for one change");
        let others = |order: &[u32]| -> Vec<u32> {
            order.iter().copied().filter(|channel| ![200, 3].contains(channel)).collect()
        };
        assert_eq!(others(ranking.order()), others(&settled), "nobody else moved");
    }

    #[test]
    fn scores_that_turn_round_in_small_steps_are_sorted_again() {
        let count = 200;
        let falling: Vec<f32> = (0..count).map(|channel| 1.0 - channel as f32 / count as f32).collect();
        let rising: Vec<f32> = falling.iter().rev().copied().collect();
        let mut ranking = Ranking::new(&falling);
        for _ in 0..300 {
            ranking.observe(&rising, FRAME_S);
        }
        let error = |place: usize, channel: u32| place.abs_diff(count - 1 - channel as usize);
        let worst = ranking.order().iter().enumerate().map(|(place, channel)| error(place, *channel)).max();
        assert!(worst <= Some(25), "{worst:?}");
    }

    #[test]
    fn slow_rankings_bear_scores_that_jump() {
        // Each frame's score is anything from nothing to twice the mean.
        let mut noise = Noise(3);
        let means: Vec<f32> = (0..64).map(|channel| 10.0 / (1.0 + channel as f32)).collect();
        let mut jump = || -> Vec<f32> { means.iter().map(|mean| mean * (1.0 + noise.next())).collect() };
        let mut ranking = Ranking::slow(&jump());
        let mut moves = 0;
        for frame in 0..1800 {
            let before = ranking.order().clone();
            ranking.observe(&jump(), 0.1);
            moves += usize::from(frame > 200 && before != *ranking.order());
        }
        assert!(moves <= 24, "{moves} moves in 160 s of 1600 frames");
        assert!(place(&ranking, 0) == 0 && place(&ranking, 1) <= 2 && place(&ranking, 60) > 40);
    }

    #[test]
    fn rare_frames_count_by_their_number() {
        let mut ranking = Ranking::new(&[2.0, 1.0]);
        for _ in 0..3 {
            ranking.observe(&[2.0, 5.0], 2.0);
            assert_eq!(**ranking.order(), [0, 1], "a few frames may be an accident");
        }
        for _ in 0..12 {
            ranking.observe(&[2.0, 5.0], 2.0);
        }
        assert_eq!(**ranking.order(), [1, 0]);
        for _ in 0..10 {
            ranking.observe(&[2.0, 0.0], 0.0);
        }
        assert_eq!(**ranking.order(), [1, 0], "no time has passed");
    }

    #[test]
    fn what_is_silent_for_a_moment_stays() {
        let mut presence = Presence::new(vec![true, false]);
        // Blinking once a second.
        for frame in 0..300 {
            presence.observe(&[true, frame % 30 < 15], FRAME_S);
        }
        assert_eq!(presence.hidden(), [true, false]);
        for _ in 0..75 {
            presence.observe(&[false, true], FRAME_S);
        }
        assert_eq!(presence.hidden(), [false, true]);
    }
}
