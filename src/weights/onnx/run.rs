//! Goes through the nodes of a file in order and makes layers of them.

use std::collections::HashMap;

use super::super::file::ReadError;
use super::attributes::{Call, Outcome, Stop, Value, cut};
use super::import::{CutAt, Importer, Origin};
use super::message::{AttributeProto, FunctionProto, GraphProto, NodeProto, OperatorSetIdProto};
use super::scan::MOST_NODES;
use super::{fold, operations, order};

/// Functions within functions.
const DEPTH: usize = 12;

/// A name that is longer is shortened: it is put together and compared part by part.
const LONGEST_NAME: usize = 1000;

/// The values by name that nodes of one graph see.
#[derive(Default)]
pub(super) struct Scope<'s> {
    pub(super) values: HashMap<String, Value>,
    /// How often each is still read; what is not listed here stays.
    pub(super) reads: HashMap<&'s str, usize>,
    pub(super) outer: Option<&'s Scope<'s>>,
}

impl Scope<'_> {
    fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name).or_else(|| self.outer?.get(name))
    }

    /// A value for a node that reads it; the last one gets it without leaving it here. `None`: there is none.
    fn take(&mut self, name: &str) -> Option<Value> {
        if name.is_empty() {
            return Some(Value::Absent);
        }
        if let Some(reads) = self.reads.get_mut(name) {
            *reads = reads.saturating_sub(1);
            if *reads == 0
                && let Some(value) = self.values.remove(name)
            {
                return Some(value);
            }
        }
        self.get(name).cloned()
    }
}

/// What holds for all nodes of a graph or a function.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) opset: i64,
    /// Attributes of the call.
    pub(super) given: &'a [AttributeProto],
    pub(super) depth: usize,
    /// The node that this is the inside of.
    pub(super) inside: Option<usize>,
}

impl<'a> Importer<'a> {
    /// Reads nodes whose inputs are in `scope`, and leaves their outputs there.
    pub(super) fn run(
        &mut self,
        nodes: &'a [NodeProto],
        scope: &mut Scope<'_>,
        around: Around<'a>,
    ) -> Result<(), ReadError> {
        let order = order::sorted(nodes).map_err(|node| {
            let name = nodes.get(node).map_or("", |node| node.name.as_str());
            ReadError(format!(
                "its nodes run in a circle, through `{name}`: none of them can be computed first"
            ))
        })?;
        for node in order.into_iter().filter_map(|index| nodes.get(index)) {
            // A function's nodes count each time that it is called.
            self.steps += 1 + (node.input.len() + node.output.len()) / 64;
            if self.steps > MOST_NODES {
                return Err(ReadError(format!("it has more than {MOST_NODES} nodes")));
            }
            let origin = self.origin(node, scope, around.inside);
            let mut unknown = None;
            let inputs: Vec<Value> = node
                .input
                .iter()
                .map(|name| {
                    scope.take(name).unwrap_or_else(|| {
                        unknown = Some(name);
                        Value::Cut
                    })
                })
                .collect();
            if let Some(name) = unknown {
                self.cuts.push(CutAt { origin, reason: format!("it reads `{name}`, which nothing makes") });
            }
            let first = self.drafts.len();
            let result = match inputs.iter().any(|input| matches!(input, Value::Cut)) {
                true => {
                    self.feed(&inputs);
                    Ok(vec![Value::Cut; node.output.len()])
                }
                false => {
                    let views: Vec<Value> =
                        inputs.iter().filter(|input| matches!(input, Value::View(_))).cloned().collect();
                    let call = Call { node, given: around.given, inputs, opset: around.opset, origin };
                    self.operate(call, scope, around).inspect_err(|_| self.feed(&views))
                }
            };
            let mut outputs = match result {
                Ok(outputs) => outputs,
                Err(Stop::Refused(sentence)) => return Err(ReadError(sentence)),
                Err(Stop::Cut(reason)) => {
                    self.cuts.push(CutAt { origin, reason });
                    vec![]
                }
            };
            outputs.resize(node.output.len(), Value::Cut);
            for (name, value) in node.output.iter().zip(outputs).filter(|(name, _)| !name.is_empty()) {
                if let (Value::View(view), None) = (&value, around.inside) {
                    self.call_values(view.node, first, name);
                }
                scope.values.insert(name.clone(), value);
            }
        }
        Ok(())
    }

    fn origin(&mut self, node: &NodeProto, scope: &Scope<'_>, inside: Option<usize>) -> usize {
        let outer = inside.and_then(|origin| self.origins.get(origin)).cloned().unwrap_or_default();
        let scopes = node.metadata_props.iter().find(|entry| entry.key == "pkg.torch.onnx.name_scopes");
        let is_parameter =
            |name: &&String| matches!(scope.get(name), Some(Value::Constant(tensor)) if tensor.len() > 1);
        let name = match (outer.name.is_empty(), node.name.is_empty()) {
            (true, _) => node.name.clone(),
            (false, true) => outer.name.clone(),
            (false, false) => format!("{}/{}", outer.name, node.name),
        };
        let is_short = |text: &&String| text.len() <= LONGEST_NAME;
        self.origins.push(Origin {
            name: Some(&name).filter(is_short).cloned().unwrap_or_else(|| name.chars().take(100).collect()),
            op: node.op_type.clone(),
            // Values inside of a function have no name that would be unique.
            value: node.output.first().filter(|_| inside.is_none()).cloned().unwrap_or_default(),
            scopes: scopes.map(|entry| &entry.value).filter(is_short).cloned().or(outer.scopes),
            weight: node.input.iter().skip(1).take(1).filter(is_short).find(is_parameter).cloned(),
        });
        self.origins.len() - 1
    }

    fn operate(&mut self, call: Call<'a>, scope: &Scope<'_>, around: Around<'a>) -> Outcome {
        let node = call.node;
        if !matches!(node.domain.as_str(), "" | "ai.onnx") {
            return match self.functions.get(&(node.domain.as_str(), node.op_type.as_str())) {
                Some(function) => self.call_function(call, function, around),
                None => cut(""),
            };
        }
        if node.op_type == "If" {
            return self.branch(&call, scope, around);
        }
        let is_known = |input: &Value| matches!(input, Value::Constant(_) | Value::Absent);
        if call.inputs.iter().all(is_known) {
            return fold::fold(&call, &mut self.reader);
        }
        operations::operate(self, call)
    }

    /// Puts a function's nodes in the place of a call.
    fn call_function(&mut self, call: Call<'a>, function: &'a FunctionProto, around: Around<'a>) -> Outcome {
        if around.depth >= DEPTH {
            return cut(format!("`{}` calls functions within functions, deeper than {DEPTH}", function.name));
        }
        let names = function.input.iter().cloned();
        let given = call.inputs.into_iter().chain(std::iter::repeat(Value::Absent));
        let mut scope = Scope { values: names.zip(given).collect(), ..Scope::default() };
        // An attribute that is passed on as it came is not followed further: exporters do not write that.
        let given = match call.node.attribute.is_empty() {
            true => &function.attribute_proto,
            false => &call.node.attribute,
        };
        let opset = version(&function.opset_import).unwrap_or(call.opset);
        let inner = Around { opset, given, depth: around.depth + 1, inside: Some(call.origin) };
        self.run(&function.node, &mut scope, inner).map_err(|error| Stop::Refused(error.0))?;
        Ok(function.output.iter().map(|name| scope.get(name).cloned().unwrap_or(Value::Cut)).collect())
    }

    /// A branch that does not depend on the picture is taken as if the other were not there.
    fn branch(&mut self, call: &Call<'a>, scope: &Scope<'_>, around: Around<'a>) -> Outcome {
        let condition = match call.input(0) {
            Value::Constant(tensor) => tensor.scalar(),
            _ => None,
        };
        let Some(condition) = condition.filter(|_| around.depth < DEPTH) else { return cut("") };
        let Some(graph): Option<&'a GraphProto> =
            call.graph(if condition == 0.0 { "else_branch" } else { "then_branch" })
        else {
            return cut("it has no such branch");
        };
        let mut inner = Scope { outer: Some(scope), ..Scope::default() };
        for tensor in &graph.initializer {
            let read = self.reader.read(tensor).map_err(|error| Stop::Refused(error.0))?;
            inner.values.insert(tensor.name.clone(), Value::Constant(read.into()));
        }
        let around = Around { depth: around.depth + 1, inside: Some(call.origin), ..around };
        self.run(&graph.node, &mut inner, around).map_err(|error| Stop::Refused(error.0))?;
        let outputs = graph.output.iter();
        Ok(outputs.map(|output| inner.get(&output.name).cloned().unwrap_or(Value::Cut)).collect())
    }
}

/// The version of ONNX' own operators.
pub(super) fn version(sets: &[OperatorSetIdProto]) -> Option<i64> {
    sets.iter().find(|set| matches!(set.domain.as_str(), "" | "ai.onnx")).map(|set| set.version)
}
