//! Machine code: made by cranelift, run, and freed.
//!
//! The only place with `unsafe` of the evaluators. What makes it sound: the code is generated here from a [`Plan`]
//! (never from bytes of a file), reads the columns inside their padding and writes its own blocks of the results and of
//! the scratch memory; see `emit`. Pages are writable while they are filled and executable afterwards, never both
//! (cranelift-jit).
//!
//! [`Plan`]: super::plan::Plan

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use cranelift_codegen::Context;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir::{AbiParam, Function, Signature, types};
use cranelift_codegen::isa::{OwnedTargetIsa, TargetIsa};
use cranelift_codegen::settings::{self, Configurable};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{Module, ModuleResult, default_libcall_names};
use rayon::prelude::*;

use super::emit::PARAMETERS;

/// Why there is no native code. The interpreter serves instead, with the same results.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused(pub String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no native code on this machine: {}", self.0)
    }
}

impl std::error::Error for Refused {}

/// Compiled functions of (table of slots, scratch memory, first block, block behind the last one).
pub(super) struct Code {
    /// `None` only while it is dropped.
    module: Option<JITModule>,
    entries: Vec<*const u8>,
}

// SAFETY: the code is immutable once it is finished, and it keeps no state: everything that it changes is reached
// through the memory that the caller gives it.
#[expect(unsafe_code, reason = "finished machine code may be run from any thread")]
unsafe impl Send for Code {}
// SAFETY: as above.
#[expect(unsafe_code, reason = "finished machine code may be run from any thread")]
unsafe impl Sync for Code {}

impl Code {
    /// Compiles the functions that `emit` writes, for each of these.
    pub fn new<J: Sync, T: Send>(
        jobs: &[J],
        emit: impl Fn(&J, &mut FunctionBuilder<'_>) -> T + Sync,
    ) -> Result<(Code, Vec<T>), Refused> {
        // A back end that meets something it does not know panics.
        catch_unwind(AssertUnwindSafe(|| Code::compile(jobs, &emit)))
            .unwrap_or_else(|_| Err(Refused("the code generator failed".into())))
    }

    fn compile<J: Sync, T: Send>(
        jobs: &[J],
        emit: &(impl Fn(&J, &mut FunctionBuilder<'_>) -> T + Sync),
    ) -> Result<(Code, Vec<T>), Refused> {
        let isa = isa()?;
        let functions = jobs.par_iter().map(|job| compiled(&*isa, |builder| emit(job, builder)));
        let (functions, emitted): (Vec<Compiled>, Vec<T>) =
            functions.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
        let signature = signature(&*isa);
        let mut module = JITModule::new(JITBuilder::with_isa(isa, default_libcall_names()));
        match placed(&mut module, &signature, &functions) {
            Ok(entries) => Ok((Code { module: Some(module), entries }, emitted)),
            Err(error) => {
                free(module);
                Err(Refused(format!("{error:?}")))
            }
        }
    }

    /// Runs the functions, one after the other, for the blocks of a range. Each has its table.
    pub fn call(&self, tables: &[Vec<u64>], scratch: &mut [u64], first: usize, end: usize) {
        assert_eq!(tables.len(), self.entries.len(), "each function has a table");
        for (entry, table) in self.entries.iter().zip(tables) {
            // SAFETY: `entry` is a finished function of this signature, in the calling convention of the platform, and
            // lives as long as `self`. The table has the slots that `emit` named, of columns of the shape that the code
            // was made for, and the scratch memory all rows (both by `Native::run`); the blocks lie inside of them.
            #[expect(unsafe_code, reason = "calling machine code")]
            unsafe {
                let function: extern "C" fn(*const u64, *mut u64, usize, usize) = std::mem::transmute(*entry);
                function(table.as_ptr(), scratch.as_mut_ptr(), first, end);
            }
        }
    }
}

impl Drop for Code {
    fn drop(&mut self) {
        if let Some(module) = self.module.take() {
            free(module);
        }
    }
}

/// The back end for this machine.
fn isa() -> Result<OwnedTargetIsa, Refused> {
    let refused = |error: &dyn fmt::Display| Refused(error.to_string());
    let mut flags = settings::builder();
    let verify = if cfg!(debug_assertions) { "true" } else { "false" };
    for (name, value) in [
        ("opt_level", "speed"),
        ("enable_verifier", verify),
        ("is_pic", "false"),
        ("use_colocated_libcalls", "false"),
        ("unwind_info", "false"),
    ] {
        flags.set(name, value).map_err(|error| refused(&error))?;
    }
    let builder = cranelift_native::builder().map_err(|error| refused(&error))?;
    builder.finish(settings::Flags::new(flags)).map_err(|error| refused(&error))
}

fn signature(isa: &dyn TargetIsa) -> Signature {
    let mut signature = Signature::new(isa.default_call_conv());
    signature.params = vec![AbiParam::new(types::I64); PARAMETERS];
    signature
}

/// A function that is compiled.
struct Compiled {
    bytes: Vec<u8>,
    alignment: u64,
}

fn compiled<T>(
    isa: &dyn TargetIsa,
    emit: impl FnOnce(&mut FunctionBuilder<'_>) -> T,
) -> Result<(Compiled, T), Refused> {
    let mut context = Context::for_function(Function::with_name_signature(Default::default(), signature(isa)));
    let mut parts = FunctionBuilderContext::new();
    let mut builder = FunctionBuilder::new(&mut context.func, &mut parts);
    let emitted = emit(&mut builder);
    builder.finalize(isa.frontend_config());
    let code = context.compile(isa, &mut ControlPlane::default()).map_err(|error| Refused(format!("{error:?}")))?;
    // It calls nothing, and its constants lie behind its instructions.
    if !code.buffer.relocs().is_empty() {
        return Err(Refused("this processor lacks instructions".into()));
    }
    Ok((Compiled { bytes: code.code_buffer().to_vec(), alignment: u64::from(code.buffer.alignment) }, emitted))
}

/// Puts functions into memory that may be executed; where they begin.
fn placed(module: &mut JITModule, signature: &Signature, functions: &[Compiled]) -> ModuleResult<Vec<*const u8>> {
    let mut ids = Vec::new();
    for Compiled { bytes, alignment } in functions {
        let id = module.declare_anonymous_function(signature)?;
        module.define_function_bytes(id, *alignment, bytes, &[])?;
        ids.push(id);
    }
    module.finalize_definitions()?;
    Ok(ids.into_iter().map(|id| module.get_finalized_function(id)).collect())
}

fn free(module: JITModule) {
    // SAFETY: nothing of the module's code runs or is kept: `call` borrows `Code`, which is being dropped or was never
    // made.
    #[expect(unsafe_code, reason = "cranelift-jit leaves its pages behind otherwise")]
    unsafe {
        module.free_memory();
    }
}
