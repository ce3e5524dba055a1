//! What the calls of a pickle make.
//!
//! What each means is in PyTorch's torch/_utils.py and torch/_tensor.py (`__setstate__`), in numpy's
//! `ndarray.__reduce__`, and in PaddlePaddle's python/paddle/framework/io.py.

use super::element::Element;
use super::error::TorchError;
use super::machine::Machine;
use super::names::{Global, Path};
use super::value::{Array, Foreign, Object, Order, Storage, Tensor, Value};

/// The class of what a function makes, where that is `copyreg`, which is told the class.
fn constructed<'a>(function: Path<'a>, argument: Option<Value<'a>>) -> Path<'a> {
    match argument {
        Some(Value::Global(Global::Foreign(class))) if function.module.starts_with("copy") => class,
        _ => function,
    }
}

impl<'a> Machine<'a> {
    /// REDUCE and NEWOBJ.
    pub(super) fn call(&mut self, callee: Value<'a>, arguments: Value<'a>) -> Result<Value<'a>, TorchError> {
        let Value::Global(global) = callee else {
            return Err(self.damaged("it calls what is no function"));
        };
        let Some(given) = self.tuple(arguments) else {
            return Err(self.damaged("a call without arguments"));
        };
        let argument = |index: usize| given.get(index).copied();
        let made = match global {
            Global::OrderedDict => return self.ordered_dict(argument(0)),
            Global::Foreign(class) => {
                let class = constructed(class, argument(0));
                return Ok(self.add(Object::Foreign(Box::new(Foreign { class, items: vec![] }))));
            }
            Global::Tuple => argument(0).filter(|&value| self.tuple(value).is_some()),
            Global::Bytes if given.is_empty() => Some(Value::Bytes(&[])),
            Global::Encode => match (argument(0), argument(1).and_then(Value::text)) {
                (Some(Value::Text(text)), Some("latin1")) => Some(Value::Latin1(text)),
                _ => None,
            },
            Global::RebuildParameter | Global::RebuildFromHost => {
                argument(0).filter(|&value| self.is_tensor(value))
            }
            Global::RebuildFromType => match *given {
                [
                    rebuild @ Value::Global(Global::RebuildTensor | Global::RebuildTensorV3),
                    _,
                    arguments,
                    ..,
                ] => {
                    return self.call(rebuild, arguments);
                }
                [_, Value::Global(Global::Foreign(class)), ..] => {
                    return Ok(self.add(Object::Foreign(Box::new(Foreign { class, items: vec![] }))));
                }
                _ => None,
            },
            Global::Parameter if !given.is_empty() => argument(0).filter(|&value| self.is_tensor(value)),
            Global::Parameter | Global::TensorClass if given.is_empty() => {
                return Ok(self.add(Object::Tensor(None)));
            }
            Global::RebuildTensor | Global::RebuildTensorV3 => {
                let tensor = self.rebuilt(given, global == Global::RebuildTensorV3);
                let tensor = tensor.ok_or_else(|| self.damaged("a tensor without all its parts"))?;
                return Ok(self.add(Object::Tensor(Some(Box::new(tensor)))));
            }
            Global::Reconstruct => return Ok(self.add(Object::Array(None))),
            Global::FromBuffer => match *given {
                [content, dtype, shape, order, ref axes @ ..] => {
                    let order = match (order.text(), axes) {
                        (Some("K"), &[axes]) => Some(Order::Permuted(axes)),
                        (Some("F"), [] | [Value::None]) => Some(Order::Fortran),
                        (Some("C"), [] | [Value::None]) => Some(Order::RowMajor),
                        _ => None,
                    };
                    let order =
                        order.ok_or_else(|| self.damaged("an array in an order that is not known"))?;
                    let array = Array { dtype, shape, order, content };
                    return Ok(self.add(Object::Array(Some(Box::new(array)))));
                }
                _ => None,
            },
            Global::Dtype => match argument(0).and_then(Value::text) {
                Some(code) => {
                    let element = Element::of_numpy(code);
                    return Ok(self.add(Object::Dtype { element, big_endian: false }));
                }
                None => None,
            },
            Global::Bytes
            | Global::Parameter
            | Global::TensorClass
            | Global::Storage(_)
            | Global::TorchDtype(_)
            | Global::Ndarray => None,
        };
        made.ok_or_else(|| self.damaged("a call with other arguments than weight files have"))
    }

    /// `_rebuild_tensor(storage, offset, shape, strides)`, `…_v2(…, requires_grad, hooks[, metadata])` and
    /// `…_v3(…, requires_grad, hooks, dtype[, metadata])`.
    fn rebuilt(&self, given: &[Value<'a>], with_dtype: bool) -> Option<Tensor<'a>> {
        let &[storage, offset, shape, strides, ..] = given else { return None };
        let element = match given.get(6) {
            Some(&Value::Global(Global::TorchDtype(element))) if with_dtype => Some(element),
            _ if with_dtype => return None,
            _ => None,
        };
        let metadata = given.get(if with_dtype { 7 } else { 6 }).copied().unwrap_or(Value::None);
        let is_marked = match metadata {
            Value::None => false,
            other => self.dict(other).is_none_or(|marks| !marks.is_empty()),
        };
        Some(Tensor { storage, offset, shape, strides, element, is_marked })
    }

    /// `OrderedDict()`, and Python 2's `OrderedDict([[key, value], …])`.
    fn ordered_dict(&mut self, items: Option<Value<'a>>) -> Result<Value<'a>, TorchError> {
        let mut dict = vec![];
        if let Some(items) = items {
            let count = self.sequence(items).map(<[_]>::len);
            let count = count.ok_or_else(|| self.damaged("a dictionary of no list"))?;
            // A short pickle can hand the same long list to many dictionaries.
            self.spend(count)?;
            for &item in self.sequence(items).unwrap_or_default() {
                let Some(&[key, value]) = self.sequence(item) else {
                    return Err(self.damaged("a key without its value"));
                };
                dict.push((key, value));
            }
        }
        Ok(self.add(Object::Dict(dict)))
    }

    fn is_tensor(&self, value: Value<'a>) -> bool {
        matches!(self.object(value), Some(Object::Tensor(_) | Object::Array(_)))
    }

    /// BUILD: gives an object its state.
    pub(super) fn fill(&mut self, target: Value<'a>, state: Value<'a>) -> Result<(), TorchError> {
        let Value::Object(index) = target else {
            return match target {
                Value::Inert => Ok(()),
                _ => Err(self.damaged("it fills what cannot be filled")),
            };
        };
        let filled = match self.objects.get(index) {
            // Attributes of an OrderedDict: `_metadata`, the versions of the modules.
            Some(Object::Dict(_) | Object::Foreign(_)) => return Ok(()),
            Some(Object::Tensor(_)) => match self.tensor_state(state) {
                Some(Some(tensor)) => Some(Object::Tensor(Some(Box::new(tensor)))),
                // Flags only.
                Some(None) => return Ok(()),
                None => None,
            },
            Some(Object::Array(_)) => match self.tuple(state) {
                Some(&[Value::Int(_), shape, dtype, Value::Bool(fortran), content]) => {
                    let order = if fortran { Order::Fortran } else { Order::RowMajor };
                    Some(Object::Array(Some(Box::new(Array { dtype, shape, order, content }))))
                }
                _ => None,
            },
            Some(&Object::Dtype { element, .. }) => match self.tuple(state) {
                Some(&[_, order, ..]) => {
                    Some(Object::Dtype { element, big_endian: order.text() == Some(">") })
                }
                _ => None,
            },
            _ => None,
        };
        match (filled, self.objects.get_mut(index)) {
            (Some(filled), Some(object)) => *object = filled,
            _ => return Err(self.damaged("it fills an object with what it cannot hold")),
        }
        Ok(())
    }

    /// The states of tensors before `_rebuild_tensor`: the inner `Some` has the tensor's own numbers.
    fn tensor_state(&self, state: Value<'a>) -> Option<Option<Tensor<'a>>> {
        match *self.tuple(state)? {
            [storage, offset, shape, strides] => {
                Some(Some(Tensor { storage, offset, shape, strides, element: None, is_marked: false }))
            }
            [data, _, _, _, _] => match self.object(data) {
                Some(Object::Tensor(Some(tensor))) => Some(Some(Tensor::clone(tensor))),
                _ => None,
            },
            [_, _, _] => Some(None),
            _ => None,
        }
    }

    /// BINPERSID: a storage, or in the older format `("module", class, file, source)`, which is a class.
    pub(super) fn referred(&mut self, id: Value<'a>) -> Result<Value<'a>, TorchError> {
        match self.tuple(id) {
            Some(&[kind, class @ Value::Global(Global::Foreign(_)), _, _]) if kind.is_named("module") => {
                Ok(class)
            }
            _ => {
                let storage = self.storage(id)?;
                Ok(self.add(Object::Storage(Box::new(storage))))
            }
        }
    }

    /// `("storage", class, key, device, length)`, in the older format with
    /// `(key of the view, offset, length)` or `None` behind it.
    fn storage(&self, id: Value<'a>) -> Result<Storage<'a>, TorchError> {
        let found = match self.tuple(id) {
            Some(&[kind, Value::Global(class), key, _, count, ref view @ ..])
                if kind.text() == Some("storage") =>
            {
                let element = match class {
                    Global::Storage(element) => element,
                    _ => Element::Other(0),
                };
                let whole = key.text().zip(count.size()).map(|(key, count)| (key, count, 0));
                let part = match *view {
                    [] | [Value::None] => whole,
                    [view] => match (whole, self.tuple(view)) {
                        (Some((key, _, _)), Some(&[_, offset, count])) => {
                            offset.size().zip(count.size()).map(|(offset, count)| (key, count, offset))
                        }
                        _ => None,
                    },
                    _ => None,
                };
                part.map(|(key, count, offset)| Storage { element, key, count, offset })
            }
            _ => None,
        };
        found.ok_or_else(|| self.damaged("a reference to something other than a storage"))
    }
}
