//! Puts the graph together: models inside models become one row of nodes, shared layers a node for each call.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::assembly::{Assembly, Cut};
use super::calls::Reference;
use super::config::clean;
use super::topology::Model;
use super::values::{Site, Stop, Value};
use crate::model::Activation;
use crate::weights::file::ReadError;

/// Calls of layers, those of models that make no node among them.
const MAX_CALLS: usize = 200_000;

/// Where a model stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'m> {
    /// What its layers' names begin with.
    pub prefix: &'m str,
    /// Another name for what it gives.
    pub other_name: Option<&'m str>,
}

impl Assembly<'_, '_, '_> {
    /// Adds all layers of a model and gives its outputs; `None` for those that a cut took away. `inputs` are
    /// what the model reads.
    pub fn model(
        &mut self,
        model: &Model<'_>,
        place: Place<'_>,
        inputs: &[Option<Value>],
    ) -> Result<Vec<Option<Value>>, ReadError> {
        let mut made: HashMap<(usize, usize), Vec<Option<Value>>> = HashMap::new();
        for (reference, input) in model.inputs.iter().zip(inputs) {
            made.insert((reference.layer, reference.call), vec![input.clone()]);
        }
        // Layers in the order of the configuration, except that the second call of a shared one waits for
        // what it reads.
        let mut needs = HashMap::new();
        let mut readers: HashMap<(usize, usize), Vec<(usize, usize)>> = HashMap::new();
        let mut ready = BinaryHeap::new();
        let mut waiting = 0;
        for (index, layer) in model.layers.iter().enumerate() {
            for (number, call) in layer.calls.iter().enumerate() {
                let own = (index, number);
                if made.contains_key(&own) {
                    continue;
                }
                let mut reads: Vec<_> = call.tensors().iter().map(|r| (r.layer, r.call)).collect();
                reads.sort_unstable();
                reads.dedup();
                reads.retain(|read| !made.contains_key(read));
                for &read in &reads {
                    readers.entry(read).or_default().push(own);
                }
                waiting += 1;
                match reads.len() {
                    0 => ready.push(Reverse(own)),
                    count => {
                        needs.insert(own, count);
                    }
                }
            }
        }
        while let Some(Reverse(own)) = ready.pop() {
            waiting -= 1;
            let outputs = self.call(model, own, place, &made)?;
            made.insert(own, outputs);
            for reader in readers.remove(&own).unwrap_or_default() {
                if let Some(count) = needs.get_mut(&reader) {
                    *count -= 1;
                    if *count == 0 {
                        ready.push(Reverse(reader));
                    }
                }
            }
        }
        if waiting > 0 {
            let name = needs.iter().filter(|(_, count)| **count > 0).map(|(own, _)| own.0).min();
            let name = name.map_or("a layer", |index| model.layers[index].name);
            return Err(ReadError(format!(
                "its layers read each other in a circle, `{name}` among them; save the model anew"
            )));
        }
        Ok(model.outputs.iter().map(|output| found(&made, output)).collect())
    }

    fn call(
        &mut self,
        model: &Model<'_>,
        (index, number): (usize, usize),
        Place { prefix, other_name }: Place<'_>,
        made: &HashMap<(usize, usize), Vec<Option<Value>>>,
    ) -> Result<Vec<Option<Value>>, ReadError> {
        self.calls += 1;
        if self.calls > MAX_CALLS {
            return Err(ReadError(format!(
                "its layers are called more than {MAX_CALLS} times, far more than those of any network; \
                 check what file this is"
            )));
        }
        let layer = &model.layers[index];
        let call = &layer.calls[number];
        // What a model gives has the model's name, too.
        let is_end = matches!(model.outputs[..], [end] if (end.layer, end.call) == (index, number));
        let other_name = other_name.filter(|_| is_end);
        let name = match number {
            0 => format!("{prefix}{}", clean(layer.name)),
            again => format!("{prefix}{} ({})", clean(layer.name), again + 1),
        };
        let references = call.tensors();
        let read: Vec<Option<Value>> = references.iter().map(|reference| found(made, reference)).collect();
        if let Some(inner) = &layer.model {
            if read.len() != inner.inputs.len() {
                return Err(ReadError(format!(
                    "`{name}` is a model of {} inputs and reads {} things; save the model anew",
                    inner.inputs.len(),
                    read.len()
                )));
            }
            let place = Place { prefix: &format!("{name}/"), other_name: other_name.or(Some(&name)) };
            return self.model(inner, place, &read);
        }
        let inputs: Vec<Value> = read.iter().flatten().cloned().collect();
        let mut cut = |reads: Vec<usize>, why: String| self.cuts.push(Cut { name: name.clone(), why, reads });
        if inputs.len() < read.len() {
            // Something that it reads is already cut off; what it also reads ends here.
            return Ok(vec![None]);
        }
        if layer.is_input() {
            cut(vec![], "is an input of its own, which nothing feeds".into());
            return Ok(vec![None]);
        }
        if inputs.is_empty() {
            cut(vec![], "reads nothing".into());
            return Ok(vec![None]);
        }
        let site = Site { layer, name: &name, other_name, call, inputs: &inputs, references: &references };
        match self.layer(&site) {
            Ok(value) => Ok(vec![Some(value)]),
            Err(Stop::Unknown(why)) if self.passes(&site) => {
                self.notes.push(format!(
                    "`{name}`, the first layer, {why}: it is passed over, and so what the network sees is a \
                     guess; give --input-scale if it scales"
                ));
                let passed = self.map(&site, "", &inputs[0], Activation::Linear);
                passed.map(|value| vec![Some(value)]).map_err(|_| ReadError(format!("`{name}` {why}")))
            }
            Err(Stop::Unknown(why)) => {
                let mut reads: Vec<usize> = inputs.iter().map(|input| input.node).collect();
                reads.sort_unstable();
                reads.dedup();
                self.cuts.push(Cut { name, why, reads });
                Ok(vec![None])
            }
            Err(Stop::Wrong(error)) => Err(error),
        }
    }

    /// Whether a layer that is not known stands in front of everything and has no parameters.
    fn passes(&self, site: &Site<'_, '_>) -> bool {
        let is_first = matches!(site.inputs, [input] if input.node == 0);
        self.guesses_front && is_first && !site.layer.is_operation && !self.variables.has_any(site.layer)
    }
}

fn found(made: &HashMap<(usize, usize), Vec<Option<Value>>>, reference: &Reference) -> Option<Value> {
    made.get(&(reference.layer, reference.call))?.get(reference.tensor).cloned().flatten()
}
