//! The served API description, and answers held against it.

use serde_json::{Value, json};

use super::{Answer, Request};

/// The document of `/openapi.json`.
pub(crate) struct Description(pub(crate) Value);

impl Description {
    /// Every operation as method and path, in capitals.
    pub(crate) fn operations(&self) -> Vec<(String, String)> {
        let paths = self.0["paths"].as_object().unwrap();
        let of_path = |(path, item): (&String, &Value)| {
            let methods = item.as_object().unwrap().keys().filter(|key| !is_no_method(key));
            methods.map(|method| (method.to_uppercase(), path.clone())).collect::<Vec<_>>()
        };
        paths.iter().flat_map(of_path).collect()
    }

    /// The operation that a request asks for, if there is one.
    pub(crate) fn operation(&self, request: &Request) -> Option<&Value> {
        let method = match request.method.as_str() {
            "GET" | "HEAD" => "get",
            "POST" => "post",
            "PUT" => "put",
            "PATCH" => "patch",
            "DELETE" => "delete",
            _ => return None,
        };
        self.0["paths"].get(request.path())?.get(method)
    }

    /// Asserts that `answer` is one that the description announces.
    ///
    /// Returns whether it is announced as a refusal (RFC 9457).
    pub(super) fn check(&self, request: &Request, answer: &Answer) -> bool {
        let Some(operation) = self.operation(request) else { return answer.status >= 400 };
        let announced = &operation["responses"][answer.status.to_string()];
        assert!(
            announced.is_object(),
            "{} is not described for {request:?}: {}",
            answer.status,
            answer.text()
        );
        let Some(content) = announced.get("content").and_then(Value::as_object) else {
            assert_eq!(answer.text(), "", "{request:?}");
            return false;
        };
        let content_type = answer.header("content-type").unwrap_or_default();
        let described = content.get(content_type);
        let described =
            described.unwrap_or_else(|| panic!("{content_type} is not described for {request:?}"));
        if request.method != "HEAD" {
            self.validate(&described["schema"], &answer.json());
        }
        content_type == "application/problem+json"
    }

    fn validate(&self, schema: &Value, body: &Value) {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "components": self.0["components"],
            "allOf": [schema],
        });
        let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(body).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{body}\nis not as described: {}", errors.join("; "));
    }
}

fn is_no_method(key: &str) -> bool {
    ["summary", "description", "servers", "parameters"].contains(&key)
}
