//! Machine code: made by cranelift, run, and freed.
//!
//! The only place with `unsafe` of the evaluators. What makes it sound: the code is generated here from a [`Plan`]
//! (never from bytes of a file), reads the columns inside their padding and writes its own blocks of the results; see
//! `emit`. Pages are writable while they are filled and executable afterwards, never both (cranelift-jit).
//!
//! [`Plan`]: super::plan::Plan

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use cranelift_codegen::ir::{AbiParam, types};
use cranelift_codegen::settings::{self, Configurable};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{Linkage, Module, default_libcall_names};

/// Why there is no native code. The interpreter serves instead, with the same results.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused(pub String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no native code on this machine: {}", self.0)
    }
}

impl std::error::Error for Refused {}

/// A compiled function of (table of slots, first block, block behind the last one).
pub(super) struct Code {
    /// `None` only while it is dropped.
    module: Option<JITModule>,
    entry: *const u8,
}

// SAFETY: the code is immutable once it is finished, and it keeps no state: everything that it changes is reached
// through the table that the caller gives it.
#[expect(unsafe_code, reason = "finished machine code may be run from any thread")]
unsafe impl Send for Code {}
// SAFETY: as above.
#[expect(unsafe_code, reason = "finished machine code may be run from any thread")]
unsafe impl Sync for Code {}

impl Code {
    /// Compiles what `emit` writes.
    pub fn new<T>(emit: impl FnOnce(&mut FunctionBuilder<'_>) -> T) -> Result<(Code, T), Refused> {
        // A back end that meets something it does not know panics.
        catch_unwind(AssertUnwindSafe(|| Code::compile(emit)))
            .unwrap_or_else(|_| Err(Refused("the code generator failed".into())))
    }

    fn compile<T>(emit: impl FnOnce(&mut FunctionBuilder<'_>) -> T) -> Result<(Code, T), Refused> {
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
        let isa = cranelift_native::builder().map_err(|error| refused(&error))?;
        let isa = isa.finish(settings::Flags::new(flags)).map_err(|error| refused(&error))?;
        let mut module = JITModule::new(JITBuilder::with_isa(isa, default_libcall_names()));
        let mut context = module.make_context();
        context.func.signature.params = vec![AbiParam::new(types::I64); 3];
        let mut parts = FunctionBuilderContext::new();
        let mut builder = FunctionBuilder::new(&mut context.func, &mut parts);
        let emitted = emit(&mut builder);
        builder.finalize(module.target_config());
        let signature = context.func.signature.clone();
        let built = (|| {
            let function = module.declare_function("rules", Linkage::Export, &signature)?;
            module.define_function(function, &mut context)?;
            module.finalize_definitions()?;
            Ok(module.get_finalized_function(function))
        })();
        match built {
            Ok(entry) => Ok((Code { module: Some(module), entry }, emitted)),
            Err(error) => {
                let error: cranelift_module::ModuleError = error;
                free(module);
                Err(Refused(format!("{error:?}")))
            }
        }
    }

    /// Runs it for the blocks of a range.
    pub fn call(&self, table: &[u64], first: usize, end: usize) {
        // SAFETY: `entry` is the finished function of this signature, in the calling convention of the platform, and
        // lives as long as `self`. The table has the slots that `emit` named, of columns of the shape that the code
        // was made for (checked by `Native::run`); the blocks lie inside of them.
        #[expect(unsafe_code, reason = "calling machine code")]
        unsafe {
            let function: extern "C" fn(*const u64, usize, usize) = std::mem::transmute(self.entry);
            function(table.as_ptr(), first, end);
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

fn free(module: JITModule) {
    // SAFETY: nothing of the module's code runs or is kept: `call` borrows `Code`, which is being dropped or was never
    // made.
    #[expect(unsafe_code, reason = "cranelift-jit leaves its pages behind otherwise")]
    unsafe {
        module.free_memory();
    }
}
