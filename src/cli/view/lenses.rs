//! The options of lenses, as the lenses describe them.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};

use crate::app::lens::{About, Choices, OVERLAYS, TILES, Takes};

/// Lenses that were asked for, and the values of their options.
#[derive(Clone, Debug, Default)]
pub struct LensArgs(Vec<(&'static About, Vec<String>)>);

impl LensArgs {
    /// Switches them on.
    ///
    /// # Errors
    /// One sentence on a value that cannot be used.
    pub fn set(&self, mut choices: Choices<'_>) -> Result<(), String> {
        for (about, values) in &self.0 {
            let Choices { graph, lenses, time, decoding } = &mut choices;
            let choices = Choices { graph, lenses, time, decoding: *decoding };
            let tiles = TILES.iter().find(|lens| lens.about().name == about.name);
            match (tiles, crate::app::lens::overlay(about.name)) {
                (Some(lens), _) => lens.set(values, choices)?,
                (None, Some(lens)) => lens.set(values, choices)?,
                (None, None) => {}
            }
        }
        Ok(())
    }
}

fn of_tiles() -> Vec<&'static About> {
    TILES.iter().map(|lens| lens.about()).collect()
}

fn of_overlays() -> Vec<&'static About> {
    OVERLAYS.iter().map(|lens| lens.about()).collect()
}

/// One option for each lens that has one; of tiles and of overlays, one can be chosen.
fn options(mut command: Command) -> Command {
    for lenses in [of_tiles(), of_overlays()] {
        let flags: Vec<_> = lenses.into_iter().filter_map(|about| about.flag.as_ref()).collect();
        for flag in &flags {
            let arg = Arg::new(flag.long).long(flag.long).help(flag.help).help_heading("View");
            let arg = match flag.takes {
                Takes::Nothing => arg.action(ArgAction::SetTrue),
                Takes::One(name) => arg.action(ArgAction::Set).value_name(name),
                Takes::Several(name) => arg.action(ArgAction::Append).value_name(name).value_delimiter(','),
            };
            let others = flags.iter().map(|other| other.long).filter(|other| *other != flag.long);
            command = command.arg(arg.conflicts_with_all(others));
        }
    }
    command
}

impl Args for LensArgs {
    fn augment_args(command: Command) -> Command {
        options(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        options(command)
    }
}

impl FromArgMatches for LensArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut chosen = Self::default();
        chosen.update_from_arg_matches(matches)?;
        Ok(chosen)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.clear();
        for about in of_tiles().into_iter().chain(of_overlays()) {
            let Some(flag) = &about.flag else { continue };
            let values: Option<Vec<String>> = match flag.takes {
                Takes::Nothing => matches.get_flag(flag.long).then(Vec::new),
                Takes::One(_) | Takes::Several(_) => {
                    matches.get_many::<String>(flag.long).map(|values| values.cloned().collect())
                }
            };
            self.0.extend(values.map(|values| (about, values)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::lens::{class_activation, hypercolumn, kernels};
    use crate::app::state::{Lenses, Time};
    use crate::model::inception_v3::inception_v3;
    use crate::source::Decoding;

    fn parse(arguments: &[&str]) -> Result<LensArgs, String> {
        let command = options(Command::new("convscope").no_binary_name(true));
        let matches = command.try_get_matches_from(arguments).map_err(|error| error.to_string())?;
        LensArgs::from_arg_matches(&matches).map_err(|error| error.to_string())
    }

    #[test]
    fn each_lens_has_its_own_option() {
        let graph = inception_v3(10, 0.1);
        let mut lenses = Lenses::default();
        let mut set = |arguments: &[&str]| -> Result<Lenses, String> {
            lenses = Lenses::default();
            let time = &mut Time::default();
            parse(arguments)?.set(Choices {
                graph: &graph,
                lenses: &mut lenses,
                time,
                decoding: Decoding::default(),
            })?;
            Ok(lenses.clone())
        };
        let chosen = set(&["--hypercolumn", "7,mixed0,1", "--kernels"]).unwrap();
        assert_eq!(chosen.hypercolumn, [1, 7, 40]);
        assert_eq!((chosen.tiles, chosen.over), (Some(kernels::NAME), Some(hypercolumn::NAME)));
        assert_eq!(set(&["--cam"]).unwrap().over, Some(class_activation::NAME));
        assert_eq!(set(&[]).unwrap(), Lenses::default());
        assert!(set(&["--cam", "--hypercolumn", "1"]).unwrap_err().contains("cannot be used with"));
        assert!(set(&["--hypercolumn", "mixd0"]).unwrap_err().contains("did you mean `mixed0`"));
        assert!(set(&["--held", "none.png"]).unwrap_err().contains("none.png"));
    }
}
